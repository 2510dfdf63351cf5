import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { createPortableReactor } from '../../../net/index.ts';
import type { CheckPolicy } from './policy.ts';
import type { Probe, ProbeResult } from './probe.ts';
import { httpProbe, tcpProbe } from './reactor-probes.ts';

const parts = {
  reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
  clock: systemClock,
};
const policy = (given: Partial<CheckPolicy> = {}): CheckPolicy => ({
  probe: { kind: 'http', path: '/up?x=1' },
  intervalMs: 1_000,
  timeoutMs: 2_000,
  rise: 1,
  fall: 1,
  ...given,
});

describe('probes over sockets', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** A server that says `text` (in two pieces) when a head has come; its requests are in `heads`. */
  async function serve(text: string | undefined, heads: string[] = []): Promise<number> {
    const server = createServer((socket) => {
      let head = '';
      socket.on('error', () => {});
      socket.on('data', (piece) => {
        head += piece.toString();
        if (!head.endsWith('\r\n\r\n') || text === undefined) return;
        heads.push(head);
        socket.write(text.slice(0, 20));
        setImmediate(() => socket.end(text.slice(20)));
      });
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
  const ask = (probe: Probe, port: number, given: Partial<CheckPolicy> = {}): Promise<ProbeResult> =>
    new Promise((resolve) => probe({ ip: '127.0.0.1', port }, policy(given), resolve));

  it('HTTP: the status decides, by the ranges of the policy; interim answers do not', async () => {
    const http = httpProbe(parts);
    const heads: string[] = [];
    const well = await serve('HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n', heads);
    expect(await ask(http, well)).toEqual({ ok: true, reason: 'answered 204' });
    expect(heads[0]).toMatch(new RegExp(`^GET /up\\?x=1 HTTP/1\\.1\r\nHost: 127\\.0\\.0\\.1:${well}\r\n`));
    const named = { probe: { kind: 'http', path: '/', host: 'a.test', statuses: [[500, 500]] } } as const;
    expect(await ask(http, well, named)).toEqual({ ok: false, reason: 'answered 204' });
    expect(heads[1]).toContain('\r\nHost: a.test\r\n');
    const sick = await serve('HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n');
    expect(await ask(http, sick)).toEqual({ ok: false, reason: 'answered 500' });
    expect(await ask(http, sick, named)).toEqual({ ok: true, reason: 'answered 500' });
  });

  it('HTTP: nonsense, an early end, silence and a closed port are failures that say what happened', async () => {
    const http = httpProbe(parts);
    expect((await ask(http, await serve('SSH-2.0-OpenSSH_9.6 and more to come\r\n'))).reason).toContain(
      'bad-status-line',
    );
    expect((await ask(http, await serve('HTTP/1.1 200 OK\r\nSome: field'))).reason).toContain('closed');
    const silent = await ask(http, await serve(undefined), { timeoutMs: 100 });
    expect(silent).toEqual({ ok: false, reason: 'no result within 100 ms' });
    const port = await serve('');
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await ask(http, port)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('TCP: a connection is enough', async () => {
    const port = await serve(undefined);
    expect(await ask(tcpProbe(parts), port, { probe: { kind: 'tcp' } })).toEqual({
      ok: true,
      reason: 'connected',
    });
  });

  it('a cancelled probe says nothing more and closes its connection', async () => {
    const closed = Promise.withResolvers<void>();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('close', () => closed.resolve());
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    let said = 0;
    const came = new Promise<void>((resolve) => server.once('connection', () => resolve()));
    const { port } = server.address() as AddressInfo;
    const cancel = httpProbe(parts)({ ip: '127.0.0.1', port }, policy(), () => (said += 1));
    await came;
    cancel();
    await closed.promise;
    expect(said).toBe(0);
  });
});
