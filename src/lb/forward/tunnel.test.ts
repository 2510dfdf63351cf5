import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { createPortableReactor } from '../../net/index.ts';
import { webSocketAccept } from '../http2/websocket.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { inlinePlanes } from '../testing/inline-planes.ts';
import { startHarness } from '../testing/lb-harness.ts';
import type { Harness } from '../testing/lb-harness.ts';
import { GOODBYE } from './websocket-frames.ts';

const HELLO = Buffer.from([0x81, 5, ...Buffer.from('hello')]);
/** Close with 1001, as clients send it: masked, with a mask of zeros. */
const REPLY = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 0xe9]);

/** Bytes that come on one end, and its end. */
class Inbox {
  bytes = Buffer.alloc(0);
  ended = false;
  #waiters: (() => void)[] = [];

  take(piece: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, piece]);
    this.#changed();
  }
  end(): void {
    this.ended = true;
    this.#changed();
  }
  async until(length: number): Promise<Buffer> {
    await this.#until(() => this.bytes.length >= length);
    return this.bytes;
  }
  async untilEnd(): Promise<Buffer> {
    await this.#until(() => this.ended);
    return this.bytes;
  }
  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
  #changed(): void {
    for (const w of this.#waiters.splice(0)) w();
  }
}

/** Time goes on until this is over. */
async function timeFor(clock: FakeClock, work: Promise<void>): Promise<void> {
  const state = { over: false };
  const ended = work.finally(() => (state.over = true));
  while (!state.over) {
    clock.advance(20);
    await new Promise((resolve) => void setImmediate(resolve));
  }
  await ended;
}

interface End {
  readonly inbox: Inbox;
  write(bytes: Uint8Array): void;
  end(): void;
}

describe.each(['HTTP/1.1', 'HTTP/2'] as const)(
  'a WebSocket over %s when the load balancer stops',
  (spoken) => {
    const cleanup: (() => Promise<unknown> | void)[] = [];
    afterEach(async () => {
      for (const f of cleanup.splice(0).reverse()) await f();
    });

    interface Opened {
      readonly client: End;
      readonly origin: End;
      /** Stop the load balancer; resolves when WebSockets have been asked to end. */
      begin: () => Promise<{ stopped: () => Promise<void> }>;
    }

    async function open(): Promise<Opened> {
      const came = Promise.withResolvers<End>();
      const server = createServer({ allowHalfOpen: true }, (socket) => came.resolve(upgraded(socket)));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanup.push(() => void server.close());
      const clock = new FakeClock();
      const reactor = createPortableReactor({ clock, log: silentLogger });
      const startPlane = inlinePlanes({ reactor, clock, random: seededRandom(1) });
      const h = await startHarness({ timeouts: { drainMs: 4_000 } }, {}, { clock, startPlane });
      cleanup.push(async () => {
        await timeFor(clock, h.close());
      });
      const labels = new Map([['rimrock.http.web.host', 'a.test']]);
      const { port } = server.address() as AddressInfo;
      h.catalog.set(service({ name: 'a', labels, instances: [instance(port)] }));
      const client = await (spoken === 'HTTP/2' ? overHttp2(h.port) : overHttp1(h));
      const begin: Opened['begin'] = async () => {
        const stopped = h.lb.stop();
        for (let ms = 0; ms < 3_500; ms += 20) {
          clock.advance(20);
          await new Promise((resolve) => void setImmediate(resolve));
        }
        return { stopped: () => timeFor(clock, stopped) };
      };
      return { client, origin: await came.promise, begin };
    }

    /** The instance: agrees to the upgrade; what comes behind it is in its inbox. */
    function upgraded(socket: Socket): End {
      cleanup.push(() => void socket.destroy());
      const inbox = new Inbox();
      let head = '';
      let agreed = false;
      socket.on('error', () => inbox.end());
      socket.on('close', () => inbox.end());
      socket.on('end', () => inbox.end());
      socket.on('data', (piece: Buffer) => {
        if (agreed) return inbox.take(piece);
        head += piece.toString('latin1');
        if (!head.endsWith('\r\n\r\n')) return;
        agreed = true;
        const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? '';
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${webSocketAccept(key)}\r\n\r\n`,
        );
      });
      return { inbox, write: (bytes) => void socket.write(bytes), end: () => void socket.end() };
    }

    async function overHttp1(h: Harness): Promise<End> {
      const raw = h.dial();
      raw.socket.setEncoding('latin1');
      raw.send(
        'GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bWluZQ==\r\n\r\n',
      );
      const text = await raw.until((t) => t.includes('\r\n\r\n'));
      expect(text).toMatch(/^HTTP\/1.1 101 /);
      const inbox = new Inbox();
      inbox.take(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1'));
      raw.socket.on('data', (piece) => inbox.take(Buffer.from(String(piece), 'latin1')));
      raw.socket.on('end', () => inbox.end());
      return { inbox, write: (bytes) => void raw.socket.write(bytes), end: () => void raw.socket.end() };
    }

    async function overHttp2(port: number): Promise<End> {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      session.on('error', () => {});
      cleanup.push(() => session.destroy());
      await new Promise((resolve) => void session.once('remoteSettings', resolve));
      const stream = session.request(
        {
          ':method': 'CONNECT',
          ':protocol': 'websocket',
          ':scheme': 'http',
          ':authority': 'a.test',
          ':path': '/ws',
        },
        { endStream: false },
      );
      const inbox = new Inbox();
      stream.on('error', () => inbox.end());
      stream.on('data', (piece: Buffer) => inbox.take(piece));
      stream.on('end', () => inbox.end());
      const status = await new Promise(
        (resolve) => void stream.once('response', (headers) => resolve(headers[':status'])),
      );
      expect(status).toBe(200);
      return { inbox, write: (bytes) => void stream.write(bytes), end: () => void stream.end() };
    }

    it('the client is told to go away, its answer reaches the instance, and all end before the deadline', async () => {
      const { client, origin, begin } = await open();
      origin.write(HELLO);
      await client.inbox.until(HELLO.length);
      const { stopped } = await begin();
      expect(await client.inbox.untilEnd()).toEqual(Buffer.concat([HELLO, GOODBYE]));
      client.write(REPLY);
      client.end();
      expect(await origin.inbox.untilEnd()).toEqual(REPLY);
      origin.end();
      await stopped();
    });

    it('a frame that is under way goes to its end first; what comes behind it is not passed on', async () => {
      const { client, origin, begin } = await open();
      const long = Buffer.concat([Buffer.from([0x82, 126, 0x03, 0xe8]), Buffer.alloc(1_000, 0x88)]);
      origin.write(long.subarray(0, 500));
      await client.inbox.until(500);
      const { stopped } = await begin();
      expect(client.inbox.bytes.length).toBe(500);
      origin.write(Buffer.concat([long.subarray(500), HELLO]));
      expect(await client.inbox.untilEnd()).toEqual(Buffer.concat([long, GOODBYE]));
      client.end();
      await stopped();
    });

    it('nothing is said behind the last word of the instance', async () => {
      const { client, origin, begin } = await open();
      const last = Buffer.from([0x88, 2, 3, 0xe8]);
      origin.write(last);
      await client.inbox.until(last.length);
      const { stopped } = await begin();
      expect(await client.inbox.untilEnd()).toEqual(last);
      client.end();
      await stopped();
    });
  },
);
