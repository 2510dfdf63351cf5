import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { main } from '../cli/main.ts';
import { rimrockConfigSchema } from '../config/schema.ts';
import { textLine } from '../logging.ts';
import { FakeWorld } from '../testing/fake-world.ts';
import { listenAddresses } from './addresses.ts';
import { awaitReady } from './ready.ts';
import { printError, startError } from './start-error.ts';
import { stopRequests } from './stop.ts';
import { commandsToTry, readyTable } from './table.ts';

const defaults = rimrockConfigSchema.parse({});

describe('the table', () => {
  const addresses = listenAddresses(defaults);

  it('says what runs where, and what to try', () => {
    const text = readyTable({
      version: '1.0.0',
      tookMs: 1234,
      addresses,
      missing: [],
      commands: commandsToTry(addresses, 'mesos', 'config/examples/hello.json'),
      notes: ['The end.'],
    });
    expect(text).toContain('Rimrock 1.0.0 is ready, after 1.2 s.');
    expect(text.match(/127\.0\.0\.1:\d+/g)).toEqual(
      expect.arrayContaining(
        ['5050', '5051', '8080', '8053', '8123', '8000', '9090'].map((port) => `127.0.0.1:${port}`),
      ),
    );
    expect(text).toContain(
      "curl -X POST http://127.0.0.1:8080/v2/apps -H 'Content-Type: application/json' -d @config/examples/hello.json",
    );
    expect(text).toContain('dig @127.0.0.1 -p 8053 hello.marathon.mesos +short\n');
    expect(text).toContain('dig @127.0.0.1 -p 8053 _hello._tcp.marathon.mesos SRV\n');
    expect(text).toContain("curl -H 'Host: hello.example.test' http://127.0.0.1:8000/\n");
  });

  it('says what is missing, and nothing to try where there is no Marathon', () => {
    const edge = addresses.filter((a) => a.section === 'dns' || a.section === 'lb');
    const commands = commandsToTry(edge, 'mesos', 'x');
    const text = readyTable({
      version: '1',
      tookMs: 1,
      addresses: edge,
      missing: ['dns: no zone'],
      commands,
      notes: [],
    });
    expect(text).toContain('not ready yet');
    expect(text).toContain('dns: no zone');
    expect(text).not.toContain('Try');
  });

  it('leaves out what is switched off, and writes IPv6 as it must be', () => {
    const config = rimrockConfigSchema.parse({
      dns: { httpOn: false, host: '::' },
      marathon: { enabled: false },
      lb: { http: { host: '::1' } },
    });
    const some = listenAddresses(config);
    expect(some.map((a) => a.portKey)).not.toContain('dns.httpPort');
    expect(some.map((a) => a.portKey)).not.toContain('marathon.port');
    expect(some.map((a) => a.portKey)).not.toContain('dns.dcos.http.port');
    const text = readyTable({
      version: '1',
      tookMs: 1,
      addresses: some,
      missing: [],
      commands: [],
      notes: [],
    });
    expect(text).toContain('http://[::1]:8000');
    const all = listenAddresses(rimrockConfigSchema.parse({ dns: { host: '::' } }));
    expect(commandsToTry(all, 'mesos', 'x')[1]).toMatch(/^dig @::1 -p 8053 /);
  });

  it('has the port of TLS where there is something to show', () => {
    const rows = (lb: object): string[] =>
      listenAddresses(rimrockConfigSchema.parse({ lb }))
        .filter((a) => a.portKey === 'lb.https.port')
        .map((a) => `${a.scheme}${a.host}:${a.port}`);
    expect(rows({})).toEqual([]);
    expect(rows({ tls: { selfSigned: ['localhost'] } })).toEqual(['https://127.0.0.1:8443']);
    expect(rows({ tls: { selfSigned: ['localhost'] }, https: { enabled: false } })).toEqual([]);
  });

  it('has the REST API of DC/OS where its names are served', () => {
    const keys = (dcos: object): string[] =>
      listenAddresses(rimrockConfigSchema.parse({ dns: { dcos } })).map((a) => `${a.portKey} ${a.port}`);
    expect(keys({ enabled: true })).toContain('dns.dcos.http.port 62080');
    expect(keys({ enabled: true, http: { enabled: false } }).join()).not.toContain('dcos');
    expect(keys({ enabled: false }).join()).not.toContain('dcos');
  });
});

describe('a start that fails', () => {
  const addresses = listenAddresses(defaults).filter((a) => a.section === 'dns');
  const bindError = (code: string, port: number): Error =>
    Object.assign(new Error(`bind ${code}`), { code, port, syscall: 'bind' });

  it('names part, address and setting when a port is taken', () => {
    const cause = bindError('EADDRINUSE', 8123);
    const error = startError(new Error('wrapped', { cause }), 'dns', addresses);
    expect(error).toMatchObject({
      code: 'PLATFORM_ADDRESS_IN_USE',
      message: 'Mesos-DNS HTTP API cannot listen on http://127.0.0.1:8123: another program has this port',
    });
    expect(printError(error)).toContain('--set dns.httpPort=PORT');
  });

  it('says so when an address may not be bound', () => {
    const error = startError(bindError('EACCES', 8053), 'dns', addresses);
    expect(error).toMatchObject({ code: 'PLATFORM_ADDRESS_REFUSED' });
    expect(printError(error)).toContain('dns.port');
  });

  it('leaves other errors as they are', () => {
    const error = new Error('else');
    expect(startError(error, 'dns', addresses)).toBe(error);
    expect(startError('text', 'dns', addresses).message).toBe('dns: text');
  });
});

describe('awaitReady', () => {
  it('waits for all parts, and tells what was missing at the end of its patience', async () => {
    const clock = new FakeClock();
    const health = new Health();
    let ok = false;
    health.require('zone', () => ({ ok, detail: 'empty' }));
    const parts = [{ name: 'dns', health }];
    const signal = new AbortController().signal;
    const inTime = awaitReady(parts, clock, 1000, signal);
    await clock.advanceAsync(100, 20);
    ok = true;
    await clock.advanceAsync(20);
    expect(await inTime).toEqual([]);
    ok = false;
    const late = awaitReady(parts, clock, 1000, signal);
    await clock.advanceAsync(1100, 20);
    expect(await late).toEqual(['dns: zone: empty']);
  });
});

describe('requests to end', () => {
  it('drain at the first, end at once at the second, and take a double Ctrl-C of npm for one', () => {
    const world = new FakeWorld();
    const clock = new FakeClock();
    const stop = stopRequests(
      {
        clock,
        errIsTerminal: true,
        err: (text) => world.err(text),
        exit: (code) => world.exit(code),
        onStopRequest: (f) => world.onStopRequest(f),
      },
      silentLogger,
    );
    expect(stop.aborted).toBe(false);
    world.signal('SIGINT');
    world.signal('SIGINT');
    expect([stop.aborted, world.exits]).toEqual([true, []]);
    expect(world.stderr).toContain('once more ends at once');
    clock.advance(600);
    world.signal('SIGINT');
    expect(world.exits).toEqual([130]);
  });
});

describe('log lines for people', () => {
  it('say time, level, part, message, details, error and hint', () => {
    const line = {
      level: 40,
      time: '2026-01-02T03:04:05.678Z',
      part: 'dns',
      msg: 'slow',
      ms: 5,
      error: { message: 'why', hint: 'do this' },
    };
    expect(textLine(JSON.stringify(line))).toBe('03:04:05.678 WARN  dns: slow - why ms=5 (do this)\n');
    const bug = {
      level: 60,
      time: line.time,
      msg: 'bug',
      error: { message: 'x', stack: 'Error: x\n    at y' },
    };
    expect(textLine(JSON.stringify(bug))).toBe('03:04:05.678 FATAL bug - x\n    at y\n');
    expect(textLine('no json')).toBe('no json');
  });
});

describe('running a master', () => {
  let folder = '';
  let world: FakeWorld;
  const set = (...pairs: string[]): string[] => pairs.flatMap((pair) => ['--set', pair]);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rimrock-run-'));
    world = new FakeWorld({}, folder);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Until it has printed its table. */
  const ready = async (): Promise<void> => {
    while (!world.stdout.includes('ready')) await new Promise((soon) => void setTimeout(soon, 5));
  };

  it('starts, says so, and ends in order when told, which two signals at once do not change', async () => {
    const words = ['master', ...set(`data=${folder}`, 'master.port=0', 'auth.port=0', 'log.level=silent')];
    const ended = main(words, world);
    await ready();
    expect(world.stdout).toMatch(/master \(Mesos v0 and v1 APIs\) +http:\/\/127\.0\.0\.1:[1-9]\d*\n/);
    world.signal('SIGINT');
    world.signal('SIGINT');
    expect(await ended).toBe(0);
    expect(world.exits).toEqual([]);
    // The store is free again.
    const again = main(words, world);
    world.stdout = '';
    await ready();
    world.signal('SIGTERM');
    expect(await again).toBe(0);
  });

  it('does not start on a port that is taken, and says which setting to change', async () => {
    const holder = createServer();
    await new Promise<void>((bound) => void holder.listen(0, '127.0.0.1', bound));
    const { port } = holder.address() as AddressInfo;
    const settings = [`data=${folder}`, `master.port=${port}`, 'auth.port=0', 'log.level=silent'];
    const words = ['master', ...set(...settings)];
    expect(await main(words, world)).toBe(1);
    expect(world.stderr).toContain(`cannot listen on http://127.0.0.1:${port}`);
    expect(world.stderr).toContain('--set master.port=PORT');
    // The account is there now, and no later start says its password.
    expect(world.stderr).toMatch(/account admin, one-time password \S+ \(shown this once/);
    expect(world.stdout).toBe('');
    world.stderr = '';
    expect(await main(words, world)).toBe(1);
    expect(world.stderr).not.toContain('one-time password');
    await new Promise((closed) => void holder.close(closed));
  });

  it('does not start on a store that is in use, and says by whom', async () => {
    const words = ['master', ...set(`data=${folder}`, 'master.port=0', 'auth.port=0', 'log.level=silent')];
    const first = main(words, world);
    await ready();
    const second = new FakeWorld({}, folder);
    expect(await main(words, second)).toBe(1);
    expect(second.stderr).toContain(`in use by process ${process.pid}`);
    world.signal('SIGINT');
    expect(await first).toBe(0);
  });
});
