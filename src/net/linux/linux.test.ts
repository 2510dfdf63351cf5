import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatagramControl } from '../datagram-control.ts';
import type { LinuxWorkerSocket } from '../datagram-sockets.ts';
import type { DatagramHandler } from '../datagrams.ts';
import { runDatagramsContract } from '../datagrams.contract.ts';
import { addressesOf } from '../local-addresses.ts';
import { openDatagrams } from '../open-datagrams.ts';
import { BATCH, REPLY_ROOM, REQUEST_ROOM } from './batch.ts';
import { EAGAIN, EINTR, MMSGHDR, MSG_TRUNC } from './constants.ts';
import { FakeLibc } from '../testing/fake-libc.ts';
import { loadLibc } from './libc.ts';
import type { Libc } from './libc.ts';
import { runLoop } from './loop.ts';

// Raw system calls of Linux: elsewhere there is nothing to call.
describe.runIf(process.platform === 'linux')('on Linux', () => {
  runDatagramsContract('linux', { addresses: [...addressesOf('::'), '127.0.0.2'], keepsTheQueue: true });

  it('a loop looks at the word that says stop every 200 ms, also where nothing wakes it', async () => {
    const waits: number[] = [];
    while (waits.length < 5) {
      const sockets = await openDatagrams({ host: '127.0.0.1', port: 0, workers: 1, engine: 'linux' });
      const { data } = sockets.lend(0);
      const worker = new Worker(new URL('../testing/echo-worker.ts', import.meta.url), { workerData: data });
      expect(await once(worker, 'message')).toEqual(['listening']);
      const [ended, exited] = [once(worker, 'message'), once(worker, 'exit')];
      const told = performance.now();
      new DatagramControl(data.control).stop(); // the word alone
      expect(await ended).toEqual(['ended']);
      waits.push(performance.now() - told);
      await exited;
      await sockets.close();
    }
    // In the middle, for once in a while this process waits for the machine.
    expect(waits.toSorted((a, b) => a - b)[2]).toBeLessThan(300);
  });

  it('opening, failing to open and closing leave no descriptor behind', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const options = { host: '127.0.0.1', workers: 4, engine: 'linux' } as const;
    const before = open();
    const first = await openDatagrams({ ...options, port: 0 });
    expect(open()).toBe(before + 4);
    await expect(openDatagrams({ ...options, port: first.address.port })).rejects.toThrow('EADDRINUSE');
    expect(open()).toBe(before + 4);
    await first.close();
    await first.close();
    expect(open()).toBe(before);
  });

  it('a process that ends by an error does not wait for its workers', async () => {
    const code = `
      import { Worker } from 'node:worker_threads';
      import { openDatagrams } from ${JSON.stringify(new URL('../open-datagrams.ts', import.meta.url).href)};
      const sockets = await openDatagrams({ host: '127.0.0.1', port: 0, workers: 1, engine: 'linux' });
      const worker = new Worker(new URL(${JSON.stringify(new URL('../testing/echo-worker.ts', import.meta.url).href)}), { workerData: sockets.lend(0).data });
      worker.on('message', () => { throw new Error('a bug'); });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
    const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect([status, signal]).toEqual([1, null]);
  });
});

describe('the choice of an engine', () => {
  it('says why there is no linux engine here', async () => {
    const why = async (platform: string, arch: string, endian: string) =>
      (await loadLibc({ platform, arch, endian })).whyNot;
    expect(await why('darwin', 'arm64', 'LE')).toBe('this is darwin, not linux');
    expect(await why('linux', 'ia32', 'LE')).toBe('not made for ia32 (LE)');
    expect(await why('linux', 'arm64', 'BE')).toBe('not made for arm64 (BE)');
  });

  it('falls back to the portable one with the reason, unless linux was asked for', async () => {
    const options = { host: '127.0.0.1', port: 0, workers: 1 };
    const none = async () => ({ whyNot: 'of the test' });
    const sockets = await openDatagrams({ ...options, engine: 'auto' }, none);
    expect([sockets.engine, sockets.reason]).toEqual([
      'portable',
      'the linux engine does not run here: of the test',
    ]);
    await sockets.close();
    await expect(openDatagrams({ ...options, engine: 'linux' }, none)).rejects.toMatchObject({
      code: 'NET_ENGINE_UNAVAILABLE',
      message: expect.stringContaining('of the test'),
    });
  });

  it.runIf(process.platform === 'linux').each(['recvmmsg', 'sendmmsg'] as const)(
    'falls back where a sandbox forbids %s',
    async (call) => {
      const { libc } = await loadLibc();
      if (!libc) throw new Error('no libc');
      const forbidden: Libc = { ...libc, [call]: () => -1, errno: () => 38 };
      const options = { host: '127.0.0.1', port: 0, workers: 1, engine: 'auto' } as const;
      const sockets = await openDatagrams(options, async () => ({ libc: forbidden }));
      expect([sockets.engine, sockets.reason]).toEqual([
        'portable',
        expect.stringContaining(`${call} ENOSYS`),
      ]);
      await sockets.close();
    },
  );
});

/** Sends back what comes, and checks that it was pointed to memory of its own. */
function echo(seen: string[] = []): DatagramHandler {
  return {
    begin: () => {},
    handle({ request, start, end, reply, replyAt, replyRoom, address, addressAt, addressBytes }, back) {
      expect(start >= 0 && end >= start && end - start <= REQUEST_ROOM && end <= request.length).toBe(true);
      expect(replyAt + replyRoom).toBeLessThanOrEqual(reply.length);
      expect(addressAt + addressBytes).toBeLessThanOrEqual(address.length);
      const { ip, port, local } = back();
      seen.push(`${Buffer.from(request.subarray(start, end)).toString()} ${ip} ${port} ${local}`);
      reply.set(request.subarray(start, end), replyAt);
      return end - start;
    },
    end: () => {},
  };
}

/** Run the loop over what the fake kernel has to give, until it has no more. */
function run(kernel: FakeLibc, socket: Partial<LinuxWorkerSocket> = {}, clock = { monotonic: () => 0 }) {
  const control = DatagramControl.forWorkers(1);
  kernel.onEmpty = () => control.stop();
  const seen: string[] = [];
  const faults: unknown[] = [];
  const whole: LinuxWorkerSocket = {
    engine: 'linux',
    worker: 0,
    fd: 3,
    family: 4,
    wildcard: false,
    gatherUs: 0,
    control: control.memory,
    ...socket,
  };
  const listener = { onListening: () => {}, onFault: (e: unknown) => faults.push(e) };
  runLoop(kernel, whole, echo(seen), listener, clock);
  return { seen, faults, counts: control.counts() };
}

describe('the loop, against a kernel of the test', () => {
  const datagram = (text: string, port = 5353) => ({ bytes: Buffer.from(text), port });

  it('sends each reply to its own sender, past those that get none', () => {
    const kernel = new FakeLibc();
    kernel.give([datagram('a', 1), datagram('b', 0), datagram(''), datagram('c', 3)]);
    kernel.give([datagram('d', 4)]);
    const { seen, counts } = run(kernel);
    expect(seen).toEqual([
      'a 192.0.2.1 1 undefined',
      ' 192.0.2.1 5353 undefined',
      'c 192.0.2.1 3 undefined',
      'd 192.0.2.1 4 undefined',
    ]);
    expect(kernel.sent).toEqual(['a to 1', 'c to 3', 'd to 4']);
    expect(counts).toEqual({ received: 5, sent: 3, refused: 1, unsent: 0, faults: 0 });
  });

  it('goes on behind a reply that cannot be sent, wherever it stands', () => {
    for (const bad of [1, 2, 3, 4]) {
      const kernel = new FakeLibc();
      kernel.unsendable.add(bad);
      kernel.give([datagram('a', 1), datagram('b', 2), datagram('c', 3), datagram('d', 4)]);
      const { counts } = run(kernel);
      expect(kernel.sent).toEqual(
        ['a to 1', 'b to 2', 'c to 3', 'd to 4'].filter((s) => !s.endsWith(`${bad}`)),
      );
      expect(counts).toMatchObject({ sent: 3, unsent: 1 });
    }
  });

  it('lets datagrams gather while many come, and answers at once when few do', () => {
    const waits = (perMs: number, gatherUs: number, size = 2): readonly number[] => {
      const kernel = new FakeLibc();
      const some = Array.from({ length: size }, (_, i) => datagram('a', i + 1));
      const batches = Math.ceil(4_000 / size);
      for (let i = 0; i < batches; i++) kernel.give(some);
      let looks = 0;
      // The clock is looked at whenever 64 came.
      run(kernel, { gatherUs }, { monotonic: () => (64 * looks++) / perMs });
      expect(kernel.sent).toHaveLength(batches * size);
      return kernel.slept;
    };
    const always = (us: number) => ({ often: true, lengths: new Set([us]) });
    const kind = (slept: readonly number[]) => ({ often: slept.length > 100, lengths: new Set(slept) });
    expect(kind(waits(20, 350))).toEqual(always(350));
    // Until about 16 are there, where that takes less.
    expect(kind(waits(100, 350))).toEqual(always(160));
    expect(waits(7.9, 350)).toEqual([]);
    expect(waits(20, 0)).toEqual([]);
    // Behind a full batch there is more already.
    expect(waits(20, 350, BATCH)).toEqual([]);
  });

  it('fills whole batches, and gives all room back for the next', () => {
    const kernel = new FakeLibc();
    const batch = Array.from({ length: BATCH }, (_, i) => datagram('x'.repeat(i + 1), i + 1));
    for (let i = 0; i < 3; i++) kernel.give(batch);
    const { counts } = run(kernel, { wildcard: true });
    expect(kernel.sent).toHaveLength(3 * BATCH);
    expect(counts).toMatchObject({ received: 3 * BATCH, sent: 3 * BATCH, refused: 0 });
  });

  it('waits again after an interruption or a wait for nothing, and ends at any other error', () => {
    const kernel = new FakeLibc();
    kernel.fail(EINTR);
    kernel.fail(EAGAIN);
    kernel.give([datagram('a', 1)]);
    expect(run(kernel).counts.received).toBe(1);
    kernel.fail(9);
    expect(() => run(kernel)).toThrow('recvmmsg EBADF');
  });

  it('believes no length that does not fit, whatever the kernel says', () => {
    const word = fc.oneof(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.constantFrom(0, 1, -1, 16, 28, 36, 40, REQUEST_ROOM, REQUEST_ROOM + 1, REPLY_ROOM, MSG_TRUNC),
    );
    const words = fc.record(
      {
        [MMSGHDR.NAME_LENGTH]: word,
        [MMSGHDR.CONTROL_LENGTH]: word,
        [MMSGHDR.CONTROL_LENGTH + 1]: word,
        [MMSGHDR.FLAGS]: word,
        [MMSGHDR.LENGTH]: word,
      },
      { requiredKeys: [] },
    );
    const hostile = fc.record({
      bytes: fc.uint8Array({ maxLength: REQUEST_ROOM }),
      port: fc.integer({ min: 0, max: 65_535 }),
      words,
      control: fc.uint8Array({ minLength: 40, maxLength: 40 }),
    });
    const family = fc.constantFrom<4 | 6>(4, 6);
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: BATCH }), family, fc.boolean(), (all, family, wildcard) => {
        const kernel = new FakeLibc(family);
        kernel.give(all);
        kernel.claim = all.length + 70; // more than there were headers for
        const { faults, counts } = run(kernel, { family, wildcard });
        expect(faults).toEqual([]);
        // The fake follows every pointer it is given and throws at one that leads out of the memory.
        expect(counts.sent).toBe(kernel.sent.length);
      }),
      { numRuns: 300 },
    );
  });
});
