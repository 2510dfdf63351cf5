import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { DatagramEngine, DatagramSockets } from './datagram-sockets.ts';
import type { ReturnAddress } from './datagrams.ts';
import { openDatagrams } from './open-datagrams.ts';
import type { Peer } from './types.ts';

/** A thread that echoes (see testing/echo-worker.ts), and what it told. */
class EchoThread {
  readonly #worker: Worker;
  readonly #waiters = new Set<() => void>();
  readonly exited: Promise<unknown>;
  readonly faults: string[] = [];
  readonly late: ReturnAddress[] = [];
  listening = false;
  endedAt: number | undefined;
  error: Error | undefined;

  constructor(sockets: DatagramSockets, number: number) {
    const { data, transfer } = sockets.lend(number);
    const url = new URL('./testing/echo-worker.ts', import.meta.url);
    this.#worker = new Worker(url, { workerData: data, transferList: [...transfer] });
    this.#worker.on(
      'message',
      (message: 'listening' | 'ended' | { late?: ReturnAddress; fault?: string }) => {
        if (message === 'listening') this.listening = true;
        else if (message === 'ended') this.endedAt = performance.now();
        else if (message.late) this.late.push(message.late);
        else if (message.fault) this.faults.push(message.fault);
        this.#changed();
      },
    );
    this.#worker.on('error', (error) => {
      this.error = error as Error;
      this.#changed();
    });
    this.exited = new Promise((resolve) => void this.#worker.once('exit', resolve));
  }
  #changed(): void {
    for (const waiter of this.#waiters) waiter();
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.error && !condition()) throw this.error;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#waiters.delete(done);
          resolve();
        };
        this.#waiters.add(done);
      });
    }
  }
}

/** A client: what it sends, and what comes back from where. */
class Client {
  readonly socket: Socket;
  readonly got: { text: string; bytes: Buffer; from: string }[] = [];
  #changed: () => void = () => {};

  constructor(family: 4 | 6) {
    this.socket = createSocket({ type: `udp${family}`, recvBufferSize: 4 * 1024 * 1024 });
    this.socket.on('message', (bytes, from) => {
      this.got.push({ text: bytes.toString(), bytes, from: from.address });
      this.#changed();
    });
  }
  send(what: string | Uint8Array, to: Peer): void {
    this.socket.send(what, to.port, to.ip);
  }
  async receive(count = 1): Promise<typeof this.got> {
    while (this.got.length < count) await new Promise<void>((resolve) => (this.#changed = resolve));
    return this.got.splice(0, count);
  }
  async ask(what: string | Uint8Array, to: Peer): Promise<(typeof this.got)[number]> {
    this.send(what, to);
    const [answer] = await this.receive();
    return answer as (typeof this.got)[number];
  }
}

/** What every engine for datagrams promises (see datagram-sockets.ts). `addresses` are those of this machine that a wildcard answers at. */
export function runDatagramsContract(
  engine: DatagramEngine,
  promises: { readonly addresses: readonly string[]; readonly keepsTheQueue: boolean },
): void {
  describe(`${engine} datagrams`, () => {
    const cleanup: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const f of cleanup.splice(0).reverse()) await f();
    });

    const client = (to: Peer): Client => {
      const made = new Client(to.ip.includes(':') ? 6 : 4);
      cleanup.push(async () => made.socket.close());
      return made;
    };

    async function start(host = '127.0.0.1', workers = 1) {
      const sockets = await openDatagrams({ host, port: 0, workers, engine });
      const threads: EchoThread[] = [];
      const run = async (worker: number): Promise<EchoThread> => {
        const thread = new EchoThread(sockets, worker);
        threads.push(thread);
        await thread.until(() => thread.listening);
        return thread;
      };
      const stop = async (): Promise<void> => {
        sockets.stop();
        await Promise.all(threads.map((t) => t.exited));
        await sockets.close();
      };
      cleanup.push(stop);
      for (let worker = 0; worker < sockets.workers; worker++) await run(worker);
      return { sockets, threads, run, stop, thread: threads[0] as EchoThread, to: sockets.address };
    }

    it('answer, and tell the handler who asks', async () => {
      const { sockets, to } = await start();
      expect(sockets.engine).toBe(engine);
      const c = client(to);
      expect(await c.ask('hello', to)).toMatchObject({ text: 'hello', from: '127.0.0.1' });
      const who = JSON.parse((await c.ask('#who', to)).text) as unknown;
      expect(who).toEqual({ worker: 0, bytes: [127, 0, 0, 1], port: c.socket.address().port });
    });

    it('speak IPv6', async () => {
      const { to } = await start('::1');
      expect(to.ip).toBe('::1');
      const c = client(to);
      expect(await c.ask('hello', to)).toMatchObject({ text: 'hello', from: '::1' });
      const bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
      expect(JSON.parse((await c.ask('#who', to)).text)).toMatchObject({ bytes });
    });

    it('can be answered later, from another thread', async () => {
      for (const host of ['127.0.0.1', '::1']) {
        const { sockets, thread, to } = await start(host);
        const c = client(to);
        c.send('#late', to);
        await thread.until(() => thread.late.length === 1);
        const [address] = thread.late;
        expect(address).toEqual({ socket: 0, ip: host, port: c.socket.address().port, local: undefined });
        const bytes = Buffer.from('later');
        sockets.send(bytes, address as ReturnAddress);
        bytes.fill(0); // ours again
        expect((await c.receive())[0]).toMatchObject({ text: 'later', from: host });
      }
    });

    it.each(['0.0.0.0', '::'])('bound to %s, answer from the address that was asked', async (host) => {
      const { sockets, thread, to } = await start(host);
      for (const ip of promises.addresses) {
        if (ip.includes(':') && host === '0.0.0.0') continue;
        const asked = { ip, port: to.port };
        const c = client(asked);
        expect(await c.ask('now', asked)).toMatchObject({ text: 'now', from: ip });
        const who = JSON.parse((await c.ask('#who', asked)).text) as { bytes: number[] };
        expect(who.bytes).toHaveLength(ip.includes(':') ? 16 : 4);
        c.send('#late', asked);
        await thread.until(() => thread.late.length === 1);
        const address = thread.late.pop() as ReturnAddress;
        expect(address.local).toBe(ip);
        sockets.send(Buffer.from('later'), address);
        expect((await c.receive())[0]).toMatchObject({ text: 'later', from: ip });
      }
    });

    it('answer 10,000 datagrams, every one with its own', async () => {
      const { sockets, stop, to } = await start();
      const c = client(to);
      const seen = new Set<string>();
      for (let at = 0; at < 10_000; at += 250) {
        for (let i = at; i < at + 250; i++) c.send(`datagram ${i}`, to);
        for (const { text } of await c.receive(250)) seen.add(text);
      }
      expect(seen.size).toBe(10_000);
      await stop(); // a worker counts a moment after it has answered
      expect(sockets.counts()).toEqual({
        received: 10_000,
        sent: 10_000,
        refused: 0,
        unsent: 0,
        faults: 0,
      });
    });

    it('take empty datagrams, and refuse those over 2048 bytes', async () => {
      const { sockets, stop, to } = await start();
      const c = client(to);
      expect((await c.ask('', to)).text).toBe('!');
      const full = Buffer.alloc(2048, 7);
      expect((await c.ask(full, to)).bytes.equals(full)).toBe(true);
      for (const size of [2049, 4096, 9000, 65_507]) c.send(Buffer.alloc(size, 7), to);
      expect((await c.ask('after', to)).text).toBe('after');
      await stop();
      expect(sockets.counts()).toMatchObject({ received: 7, sent: 3, refused: 4 });
    });

    it('survive any sizes and bytes, and answer each that fits', async () => {
      const { to } = await start();
      const c = client(to);
      const datagram = fc.oneof(
        fc.uint8Array({ maxLength: 2100 }),
        fc.integer({ min: 0, max: 65_507 }).map((n) => new Uint8Array(n).fill(n)),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(datagram, { minLength: 1, maxLength: 40 }), async (all) => {
          const sent = all.filter((b) => b[0] !== 0x23); // '#' makes the worker do things
          for (const bytes of sent) c.send(bytes, to);
          const answered = sent.filter((b) => b.length <= 2048);
          const got = await c.receive(answered.length);
          expect(got.map((g) => g.bytes.toString('hex'))).toEqual(
            answered.map((b) => (b.length === 0 ? '21' : Buffer.from(b).toString('hex'))),
          );
          expect((await c.ask('end', to)).text).toBe('end');
        }),
        { numRuns: 40 },
      );
    });

    it('a handler that throws, or answers nonsense, costs that datagram only', async () => {
      const { sockets, thread, stop, to } = await start();
      const c = client(to);
      for (const word of ['#throw', '#too-much', '#nonsense']) c.send(word, to);
      expect((await c.ask('after', to)).text).toBe('after');
      await thread.until(() => thread.faults.length === 3);
      expect(thread.faults).toEqual([
        'Error: as asked',
        expect.stringContaining('RangeError'),
        expect.stringContaining('NaN'),
      ]);
      await stop();
      expect(sockets.counts()).toMatchObject({ faults: 3, sent: 1 });
    });

    it('a reply that cannot be sent is nobody else’s trouble', async () => {
      const { sockets, to } = await start();
      const c = client(to);
      const here: ReturnAddress = { socket: 0, ip: '127.0.0.1', port: 9, local: undefined };
      sockets.send(Buffer.from('x'), { ...here, port: 0 });
      sockets.send(Buffer.from('x'), { ...here, socket: 7 });
      sockets.send(Buffer.from('x'), { ...here, ip: '::1' });
      sockets.send(Buffer.from('x'), { ...here, ip: 'nowhere' });
      sockets.send(Buffer.alloc(65_508), here);
      expect((await c.ask('after', to)).text).toBe('after');
    });

    it('say which address cannot be had, and why', async () => {
      const { to } = await start();
      const again = openDatagrams({ host: '127.0.0.1', port: to.port, workers: 1, engine });
      await expect(again).rejects.toMatchObject({
        code: 'NET_LISTEN_FAILED',
        message: expect.stringContaining(`udp 127.0.0.1:${to.port}`),
        cause: { code: 'EADDRINUSE' },
      });
      const elsewhere = openDatagrams({ host: '192.0.2.254', port: 0, workers: 1, engine });
      await expect(elsewhere).rejects.toMatchObject({ cause: { code: 'EADDRNOTAVAIL' } });
    });

    it('do not slip in beside somebody who shares the port', async () => {
      const other = createSocket({ type: 'udp4', reusePort: true });
      cleanup.push(async () => other.close());
      await new Promise<void>((resolve) => void other.bind(0, '127.0.0.1', resolve));
      const { port } = other.address();
      const second = openDatagrams({ host: '127.0.0.1', port, workers: 2, engine });
      await expect(second).rejects.toMatchObject({ cause: { code: 'EADDRINUSE' } });
    });

    it('share the port: every worker gets clients, each client one worker', async () => {
      const { to } = await start('127.0.0.1', 2);
      const seen = new Set<number>();
      // Chance decides; 2^-60 for all on one side.
      for (let i = 0; i < 60; i++) {
        const c = client(to);
        const { worker } = JSON.parse((await c.ask('#who', to)).text) as { worker: number };
        expect(JSON.parse((await c.ask('#who', to)).text)).toMatchObject({ worker });
        seen.add(worker);
      }
      expect(seen).toEqual(new Set([0, 1]));
    });

    it('go on with a new worker where one died', async () => {
      const { threads, thread, run, to } = await start();
      const c = client(to);
      c.send('#die', to);
      await thread.exited;
      expect(thread.error?.message).toBe('died as asked');
      if (promises.keepsTheQueue) c.send('waits', to);
      await run(0);
      if (!promises.keepsTheQueue) c.send('waits', to);
      expect((await c.receive())[0]).toMatchObject({ text: 'waits' });
      threads.shift();
    });

    it('end within 300 ms when told, idle or busy, and free the port', async () => {
      for (const busy of [false, true]) {
        const { sockets, threads, stop, to } = await start('127.0.0.1', 2);
        const c = client(to);
        c.socket.on('message', () => busy && c.send('more', to));
        for (let i = 0; i < 20; i++) c.send('more', to);
        await c.receive(20);
        const told = performance.now();
        sockets.stop();
        for (const thread of threads) {
          await thread.until(() => thread.endedAt !== undefined);
          expect((thread.endedAt ?? Infinity) - told).toBeLessThan(300);
        }
        await stop();
        const next = createSocket('udp4');
        await new Promise<void>((resolve, reject) => {
          next.once('error', reject);
          next.bind(to.port, '127.0.0.1', resolve);
        });
        next.close();
      }
    });

    it('lend only what there is', async () => {
      const { sockets } = await start();
      expect(() => sockets.lend(1)).toThrow(RangeError);
      expect(() => sockets.lend(-1)).toThrow(RangeError);
    });
  });
}
