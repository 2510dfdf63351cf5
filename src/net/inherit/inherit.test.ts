import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { loadStreamCalls } from '../linux/tcp/calls.ts';
import { Loop } from '../linux/tcp/loop.ts';
import { LinuxReactor } from '../linux/tcp/reactor.ts';
import { openDatagrams } from '../open-datagrams.ts';
import { createPortableReactor } from '../portable/reactor.ts';
import { Probe } from '../testing/probe.ts';
import type { Reactor } from '../types.ts';
import { boundSockets } from './bound-sockets.ts';
import { Inherited } from './inherited.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const f of cleanup.splice(0).reverse()) await f();
});

describe('what the kernel says of bound sockets', () => {
  function proc(
    files: Readonly<Record<string, string>>,
    descriptors: Readonly<Record<string, string>>,
  ): string {
    const folder = mkdtempSync(join(tmpdir(), 'rimrock-proc-'));
    cleanup.push(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'fd'));
    mkdirSync(join(folder, 'net'));
    for (const [fd, target] of Object.entries(descriptors)) symlinkSync(target, join(folder, 'fd', fd));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'net', name), text);
    return folder;
  }
  const line = (local: string, state: string, inode: number): string =>
    `   1: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0`;
  const HEAD =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

  it('listeners and UDP without a peer, of both families, that this process has', async () => {
    const folder = proc(
      {
        tcp: [
          HEAD,
          line('0100007F:1F40', '0A', 11),
          line('0100007F:1F40', '0A', 12),
          line('0100007F:1F40', '01', 13),
        ].join('\n'),
        tcp6: [HEAD, line('00000000000000000000000000000000:0050', '0A', 14)].join('\n'),
        udp: [HEAD, line('00000000:0035', '07', 15), line('0100007F:9C40', '01', 16)].join('\n'),
        udp6: [HEAD, line('B80D0120000000000000000001000000:0035', '07', 17)].join('\n'),
      },
      {
        9: 'socket:[11]',
        20: 'socket:[12]',
        4: 'socket:[13]',
        5: 'socket:[14]',
        6: 'socket:[15]',
        7: 'socket:[16]',
        8: 'socket:[17]',
        3: 'anon_inode:[eventpoll]',
        10: '/dev/null',
      },
    );
    expect(await boundSockets(folder)).toEqual([
      { descriptor: 5, protocol: 'tcp', ip: '::', port: 80 },
      { descriptor: 6, protocol: 'udp', ip: '0.0.0.0', port: 53 },
      { descriptor: 8, protocol: 'udp', ip: '2001:db8::1', port: 53 },
      { descriptor: 9, protocol: 'tcp', ip: '127.0.0.1', port: 8000 },
      { descriptor: 20, protocol: 'tcp', ip: '127.0.0.1', port: 8000 },
    ]);
  });

  it('believes no line that is not as it should be, and needs no IPv6', async () => {
    const folder = proc(
      { tcp: `${HEAD}\n nonsense 0A\n${line('7F:1F40', '0A', 11)}\n`, udp: '' },
      { 9: 'socket:[11]' },
    );
    expect(await boundSockets(folder)).toEqual([]);
  });
});

describe('inherited sockets', () => {
  const at = (descriptor: number, ip: string, port = 53) =>
    ({ descriptor, protocol: 'udp', ip, port }) as const;

  it('are given out once, to who opens their address', () => {
    const all = new Inherited([at(3, '127.0.0.1'), at(4, '127.0.0.1'), at(5, '::1'), at(6, '127.0.0.1', 54)]);
    expect(all.take('tcp', '127.0.0.1', 53)).toEqual([]);
    expect(all.take('udp', '127.0.0.2', 53)).toEqual([]);
    expect([all.has('udp', '127.0.0.1', 53), all.has('udp', '127.0.0.1', 0)]).toEqual([true, false]);
    expect(all.take('udp', '127.0.0.1', 53)).toEqual([3, 4]);
    expect(all.take('udp', '127.0.0.1', 53)).toEqual([]);
    expect(all.take('udp', '0:0:0:0:0:0:0:1', 53)).toEqual([5]);
  });

  it('of a host with a name go by the port', () => {
    expect(new Inherited([at(3, '127.0.0.1')]).take('udp', 'localhost', 53)).toEqual([3]);
  });

  it('that nobody wants are closed, once', () => {
    const all = new Inherited([at(3, '127.0.0.1'), at(4, '::1')]);
    all.take('udp', '::1', 53);
    const closed: number[] = [];
    const close = (fd: number): void => void closed.push(fd);
    expect(all.closeRest(close)).toEqual([at(3, '127.0.0.1')]);
    all.closeRest(close);
    expect(closed).toEqual([3]);
  });
});

const F_DUPFD_CLOEXEC = 1030;
const { calls } = await loadStreamCalls();

describe.runIf(calls)('a socket of somebody else, on Linux', () => {
  /** A second descriptor of what listens there, as another process would have it. */
  async function second(protocol: 'tcp' | 'udp', port: number): Promise<Inherited> {
    const found = (await boundSockets()).find((s) => s.protocol === protocol && s.port === port);
    if (!found || !calls) throw new Error(`nothing is bound to ${port}`);
    return new Inherited([{ ...found, descriptor: calls.fcntl(found.descriptor, F_DUPFD_CLOEXEC, 3) }]);
  }

  function linux(): Reactor {
    if (!calls) throw new Error('unreachable');
    const loop = new Loop(calls, systemClock, silentLogger);
    let on = true;
    const turn = (): void => {
      if (!on) return loop.end();
      loop.turn(1);
      setImmediate(turn);
    };
    setImmediate(turn);
    cleanup.push(() => (on = false));
    return new LinuxReactor(loop);
  }
  const engines: readonly [string, () => Reactor][] = [
    ['linux', linux],
    ['portable', () => createPortableReactor({ clock: systemClock, log: silentLogger })],
  ];

  async function listening(): Promise<{ readonly server: Server; readonly port: number }> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, port: (server.address() as { port: number }).port };
  }

  it.each(engines)('engine %s: who came while nobody accepted is accepted by the next', async (_, engine) => {
    const { server, port } = await listening();
    const [descriptor] = (await second('tcp', port)).take('tcp', '127.0.0.1', port);
    server.close();
    const early = connect(port, '127.0.0.1').on('error', () => {});
    cleanup.push(() => early.destroy());
    await once(early, 'connect');
    const accepted = Promise.withResolvers<void>();
    const listener = await engine().listen(
      { host: '127.0.0.1', port, ...(descriptor === undefined ? {} : { descriptor }) },
      (transport) => {
        cleanup.push(() => transport.destroy());
        accepted.resolve();
        return new Probe();
      },
    );
    expect(listener.address).toEqual({ ip: '127.0.0.1', port });
    await accepted.promise;
    await listener.close();
    expect((await boundSockets()).filter((s) => s.port === port)).toEqual([]);
  });

  it.each(engines)('engine %s: after it is let go the other one goes on with it', async (_, engine) => {
    const { server, port } = await listening();
    const [descriptor = -1] = (await second('tcp', port)).take('tcp', '127.0.0.1', port);
    const listener = await engine().listen({ host: '127.0.0.1', port, descriptor }, () => new Probe());
    await listener.close();
    const came = once(server, 'connection');
    const client = connect(port, '127.0.0.1').on('error', () => {});
    cleanup.push(() => client.destroy());
    await came;
    server.close();
  });

  async function bound(): Promise<{ readonly socket: Socket; readonly port: number }> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return { socket, port: socket.address().port };
  }

  it.each(['linux', 'portable'] as const)(
    'engine %s: datagrams that came while nobody received are answered by the next',
    async (engine) => {
      const { socket, port } = await bound();
      const inherited = await second('udp', port);
      socket.close();
      const client = await bound();
      cleanup.push(() => client.socket.close());
      const answered = once(client.socket, 'message');
      client.socket.send('early', port, '127.0.0.1');
      const options = { host: '127.0.0.1', port, workers: 1, engine } as const;
      await expect(openDatagrams(options), 'without it the port is taken').rejects.toThrow('EADDRINUSE');
      const sockets = await openDatagrams({ ...options, inherited });
      expect(sockets.address).toEqual({ ip: '127.0.0.1', port });
      const { data, transfer } = sockets.lend(0);
      const worker = new Worker(new URL('../testing/echo-worker.ts', import.meta.url), {
        workerData: data,
        transferList: [...transfer],
      });
      const exited = once(worker, 'exit');
      const [bytes] = (await answered) as [Buffer];
      expect(bytes.toString()).toBe('early');
      sockets.stop();
      await exited;
      await sockets.close();
      expect((await boundSockets()).filter((s) => s.port === port)).toEqual([]);
    },
  );

  it('datagrams: sockets that are too many are closed, those that are missing opened', async () => {
    const { socket, port } = await bound();
    const open = { host: '127.0.0.1', port, engine: 'linux' } as const;
    const fewer = await openDatagrams({ ...open, workers: 2, inherited: await second('udp', port) }).catch(
      (error: unknown) => error,
    );
    // The one that is there does not share its port: so a second one cannot be had, and what was taken is let go.
    expect(fewer).toMatchObject({ code: 'NET_LISTEN_FAILED' });
    const [one, two] = [await second('udp', port), await second('udp', port)];
    const take = () => [...one.take('udp', '127.0.0.1', port), ...two.take('udp', '127.0.0.1', port)];
    const sockets = await openDatagrams({ ...open, workers: 1, inherited: { has: () => true, take } });
    expect((await boundSockets()).filter((s) => s.port === port)).toHaveLength(2);
    await sockets.close();
    socket.close();
  });
});
