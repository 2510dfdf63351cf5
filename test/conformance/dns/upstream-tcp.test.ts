import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, describe, it } from 'vitest';
import { freePorts } from '../../support/free-ports.ts';
import { Daemon } from './support/daemon.ts';
import { ENGINE, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { QTYPE, framed, overTcp, query } from './support/raw.ts';
import { missing } from './support/tools.ts';

// Questions to a resolver over TCP, one connection for many of them (RFC 7766).

const NAMES = 100;
const lacking = missing('unbound');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

/** Unbound with names of its own, `n-7.corp.test` at 192.0.2.7, which waits three seconds for another question. */
async function startUnbound(): Promise<{ readonly port: number; readonly daemon: Daemon }> {
  const [port = 0] = await freePorts(1);
  const daemon = new Daemon('unbound', (folder) => {
    const file = join(folder, 'unbound.conf');
    const data = Array.from(
      { length: NAMES },
      (_, i) => `  local-data: "n-${i}.corp.test. A 192.0.2.${i}"\n`,
    );
    writeFileSync(
      file,
      `server:
  interface: 127.0.0.1
  port: ${port}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  use-syslog: no
  logfile: ""
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  num-threads: 1
  tcp-idle-timeout: 3000
  local-zone: "corp.test." static
${data.join('')}remote-control:
  control-enable: no
`,
    );
    return ['-d', '-c', file];
  });
  const there = (): Promise<boolean> =>
    overTcp(port, framed(query('n-0.corp.test'))).then(
      (replies) => replies.length === 1,
      () => false,
    );
  await daemon.until('answer of unbound', there);
  return { port, daemon };
}

/** Stands between the two and sees connections come and go. */
class Wire {
  connections = 0;
  /** Closed by the resolver. */
  closed = 0;
  /** The next question is lost, with its connection. */
  cutNext = false;
  readonly #server: Server;

  constructor(to: number) {
    this.#server = createServer((near: Socket) => {
      this.connections++;
      const far = connect(to, '127.0.0.1');
      near.on('data', (bytes) => {
        if (!this.cutNext) return void far.write(bytes);
        this.cutNext = false;
        near.destroy();
      });
      far.on('data', (bytes) => void near.write(bytes));
      far.on('end', () => {
        this.closed++;
        near.end();
      });
      near.on('close', () => far.destroy()).on('error', () => {});
      far.on('error', () => near.destroy());
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }
}

describe.skipIf(lacking.length > 0)(`a resolver that is asked over TCP${needs}`, () => {
  let unbound: Daemon;
  let wire: Wire;
  let fixture: Fixture;

  beforeAll(async () => {
    const { port, daemon } = await startUnbound();
    unbound = daemon;
    wire = new Wire(port);
    const dns = { externalOn: true, resolvers: [await wire.open()], cache: { enabled: false } };
    fixture = await startFixture({ engine: ENGINE, dns });
  });
  afterAll(async () => {
    await fixture?.close();
    wire?.close();
    await unbound?.close();
  });

  /** The last byte of the address of `n-<n>.corp.test`, by way of us. */
  const ask = async (n: number): Promise<number | undefined> => {
    const [reply] = await overTcp(fixture.edge.port, framed(query(`n-${n}.corp.test`, QTYPE.A)), 1, 10_000);
    return reply?.at(-1);
  };

  it('gets many questions on one connection, and answers each of them', async () => {
    for (let n = 0; n < NAMES; n++) expect(await ask(n)).toBe(n);
    // More only where the machine stood still for longer than the resolver waits.
    expect(wire.connections).toBeLessThanOrEqual(1 + wire.closed);
  });

  it('may close when it likes, also with a question on the way: nobody is left without an answer', async () => {
    await expect.poll(() => wire.closed).toBe(wire.connections);
    expect(await ask(1)).toBe(1);
    const before = wire.connections;
    wire.cutNext = true;
    expect(await ask(2)).toBe(2);
    expect(wire.connections).toBeGreaterThan(before);
  });

  it('answers many at a time, each to who asked', async () => {
    const all = Array.from({ length: 20 }, (_, n) => n);
    expect(await Promise.all(all.map(ask))).toEqual(all);
  });
});
