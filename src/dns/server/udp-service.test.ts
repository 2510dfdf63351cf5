import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { existsSync, readdirSync } from 'node:fs';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { Metrics } from '../../core/metrics.ts';
import { ColdQueries } from './cold-queue.ts';
import type { ColdQuery } from './cold-queue.ts';
import { exposeUdpMetrics, workersCondition } from './metrics.ts';
import { UdpService } from './udp-service.ts';
import type { UdpServiceParts } from './udp-service.ts';

const ENTRY = new URL('../testing/udp-test-worker.ts', import.meta.url);
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const f of cleanup.splice(0).reverse()) await f();
});

type LogLine = Record<string, unknown> & { readonly msg: string };

async function start(parts: Partial<UdpServiceParts> = {}) {
  const lines: LogLine[] = [];
  const samples: string[] = [];
  const colds: ColdQuery[] = [];
  const waiters = new Set<() => void>();
  const changed = (): void => {
    for (const waiter of waiters) waiter();
  };
  const log = pino(
    { errorKey: 'error' },
    {
      write(line: string) {
        lines.push(JSON.parse(line) as LogLine);
        changed();
      },
    },
  );
  const service = new UdpService({
    workers: 1,
    engine: 'auto',
    maxColdWaiting: 1024,
    handlerOf: () => ({}),
    onCold(query) {
      colds.push(query);
      changed();
    },
    onSample(sample) {
      samples.push(Buffer.from(sample).toString());
      changed();
    },
    clock: systemClock,
    random: seededRandom(1),
    log,
    entry: ENTRY,
    ...parts,
  });
  await service.start('127.0.0.1', 0);
  cleanup.push(() => service.stop(0));
  const { port } = service.address ?? { port: 0 };
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          waiters.delete(done);
          resolve();
        };
        waiters.add(done);
      });
    }
  };
  return { service, port, lines, samples, colds, until };
}

/** A client socket, and the words of each answer. */
function client(port: number): {
  socket: Socket;
  send: (w: string) => void;
  ask: (w: string) => Promise<string[]>;
} {
  const socket = createSocket('udp4');
  cleanup.push(async () => socket.close());
  const send = (word: string): void => socket.send(word, port, '127.0.0.1');
  const ask = (word: string): Promise<string[]> =>
    new Promise((resolve) => {
      socket.once('message', (bytes) => resolve(bytes.toString().split(' ')));
      send(word);
    });
  return { socket, send, ask };
}

/** A client that the kernel gives to this worker. */
async function clientOf(worker: number, port: number): Promise<ReturnType<typeof client>> {
  for (;;) {
    const c = client(port);
    if ((await c.ask('who'))[1] === String(worker)) return c;
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => void socket.close(() => resolve(true)));
  });

describe.each(['linux', 'portable'] as const)('UdpService on the %s engine', (engine) => {
  const runs = engine === 'portable' || process.platform === 'linux';
  describe.runIf(runs)('', () => {
    it('brings what workers took for the query log, also after a batch without cold queries', async () => {
      const { port, samples, until } = await start({ engine });
      const { send, ask } = client(port);
      send('sample');
      await ask('hello');
      send('sample');
      await until(() => samples.length === 2);
      expect(samples).toEqual(['sample', 'sample']);
    });

    it('says once which engine answers, and why', async () => {
      const { service, port, lines } = await start({ engine, workers: 2 });
      expect((await client(port).ask('hello'))[0]).toBe('hello');
      expect(lines).toMatchObject([
        { msg: 'DNS receives datagrams', engine, reason: 'as configured', workers: 2 },
      ]);
      expect([service.listening, service.restarts]).toEqual([2, 0]);
      expect(workersCondition(service)).toEqual({ ok: true, detail: '2 of 2 answer, 0 restarts' });
      const metrics = new Metrics();
      exposeUdpMetrics(metrics, service);
      const text = (await metrics.text()).split('\n');
      expect(text).toEqual(
        expect.arrayContaining([
          `rimrock_dns_engine_info{engine="${engine}"} 1`,
          'rimrock_dns_workers_listening 2',
          'rimrock_dns_worker_restarts_total 0',
          'rimrock_dns_datagrams_total{event="received"} 1',
          'rimrock_dns_datagrams_total{event="refused"} 0',
          'rimrock_dns_datagrams_total{event="faults"} 0',
          'rimrock_dns_cold_waiting 0',
          'rimrock_dns_cold_dropped_total 0',
        ]),
      );
      await service.stop(0);
      expect(workersCondition(service)).toEqual({ ok: false, detail: '0 of 2 answer, 0 restarts' });
      expect(await metrics.text()).not.toContain('engine=');
    });

    it.each([
      ['throw', 'died as asked'],
      ['exit', 'it ended with code 3'],
    ])(
      'a worker that dies (%s) is replaced after a while, and the others answer meanwhile',
      async (word, reason) => {
        const clock = new FakeClock();
        const { service, port, lines, until } = await start({ engine, workers: 2, clock });
        const [healthy, hit] = [await clientOf(0, port), await clientOf(1, port)];
        const [, , before] = await hit.ask('who');
        hit.send(word);
        await until(() => lines.length === 2);
        expect(lines[1]).toMatchObject({
          msg: 'a DNS worker died; another one takes its place',
          worker: 1,
          restarts: 1,
          error: { message: reason },
        });
        expect([service.listening, service.restarts, clock.pending]).toEqual([1, 1, 1]);
        expect((await healthy.ask('still')).slice(0, 2)).toEqual(['still', '0']);
        // The linux engine keeps what comes while nobody reads.
        const waiting = engine === 'linux' ? hit.ask('waits') : undefined;
        clock.advance(100);
        await expect.poll(() => service.listening).toBe(2);
        const [, worker, after] = (await waiting) ?? (await (await clientOf(1, port)).ask('who'));
        expect(worker).toBe('1');
        expect(after).not.toBe(before);
      },
    );

    it('hands cold queries over, and sends the replies', async () => {
      const { service, port, colds, until } = await start({ engine, workers: 2 });
      const c = client(port);
      c.send('cold');
      await until(() => colds.length === 1);
      const { bytes, from } = colds[0] as ColdQuery;
      expect([Buffer.from(bytes).toString(), from.ip, from.port]).toEqual([
        'cold',
        '127.0.0.1',
        c.socket.address().port,
      ]);
      const answer = new Promise<string>((resolve) => c.socket.once('message', (b) => resolve(b.toString())));
      service.reply(Buffer.from('from the main thread'), from);
      expect(await answer).toBe('from the main thread');
      expect([service.coldWaiting, service.coldDropped]).toEqual([0, 0]);
    });

    it('drops cold queries, and counts them, where too many wait', async () => {
      const { service, port, colds } = await start({ engine, maxColdWaiting: 0 });
      const c = client(port);
      for (let i = 0; i < 5; i++) c.send('cold');
      await c.ask('after');
      expect([colds.length, service.coldDropped]).toEqual([0, 5]);
      const metrics = new Metrics();
      exposeUdpMetrics(metrics, service);
      expect(await metrics.text()).toContain('rimrock_dns_cold_dropped_total 5\n');
    });

    it('tells of failures of a handler, and goes on', async () => {
      const { port, lines, until } = await start({ engine });
      const c = client(port);
      c.send('fault');
      await c.ask('after');
      await until(() => lines.length === 2);
      expect(lines[1]).toMatchObject({ worker: 0, times: 1, reason: expect.stringContaining('as asked') });
    });

    it('drains: answers on while something is under way, gives up at the end, frees the port', async () => {
      const clock = new FakeClock();
      const { service, port } = await start({ engine, clock });
      const c = client(port);
      let gaveUp = false;
      const stopped = service.stop(
        1_000,
        () => 1,
        () => (gaveUp = true),
      );
      await clock.advanceAsync(900, 20);
      expect((await c.ask('late'))[0]).toBe('late');
      expect(gaveUp).toBe(false);
      await clock.advanceAsync(200, 20);
      await stopped;
      expect([gaveUp, await isFree(port), clock.pending]).toEqual([true, true, 0]);
      await service.stop(1_000); // again: nothing to do
    });

    it('leaves nothing behind where a worker cannot start', async () => {
      const entry = new URL('../testing/no-such-worker.ts', import.meta.url);
      const open = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
      await expect(start({ engine, workers: 2, entry })).rejects.toThrow('no-such-worker');
      const before = open();
      const failAtStart = { handlerOf: () => ({ failAtStart: true }) };
      await expect(start({ engine, workers: 2, ...failAtStart })).rejects.toThrow('cannot start, as asked');
      expect(open()).toBe(before);
    });

    it('ends a worker by force that does not end by itself', async () => {
      const { service, port, lines } = await start({ engine });
      client(port).send('spin');
      await expect.poll(() => service.counts?.received).toBe(1);
      await service.stop(0);
      expect(lines.at(-1)?.msg).toContain('by force');
      expect(await isFree(port)).toBe(true);
    });
  });
});

it('cold queries of a worker that is gone are not counted for ever', () => {
  const cold = ColdQueries.forWorkers(2);
  const max = 3;
  expect([0, 0, 1].map((worker) => cold.admit(worker, max))).toEqual([true, true, true]);
  expect(new ColdQueries(cold.memory).admit(1, max)).toBe(false);
  expect([cold.waiting, cold.dropped]).toEqual([3, 1]);
  cold.taken(0, 1);
  expect(cold.admit(1, max)).toBe(true);
  cold.forget(1);
  expect([cold.waiting, cold.dropped]).toEqual([1, 1]);
});
