import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RecordDecoder } from '../../../src/mesos/index.ts';
import type { Random } from '../../../src/core/random.ts';

export interface Faults {
  readonly random: Random;
  /** Of a hundred messages so many go twice. */
  readonly doubledPercent: number;
  /** Each message waits a random time up to this. */
  readonly delayMs: number;
}

interface Counts {
  readonly calls: number;
  readonly events: number;
  readonly doubled: number;
  readonly longestDelayMs: number;
}

/**
 * Stands between a master and whoever speaks to it. Calls are sent on after a delay of their own, so that they overtake each
 * other, and some are sent twice; so are the events of streams, which keep their order but not their pace.
 */
export class MessageRelay {
  readonly #to: number;
  readonly #faults: Faults;
  readonly #server: Server;
  readonly #open = new Set<{ destroy(): void }>();
  #counts = { calls: 0, events: 0, doubled: 0, longestDelayMs: 0 };
  /** Delays and doubles as long as it is on. */
  faulty = true;

  private constructor(to: number, faults: Faults) {
    this.#to = to;
    this.#faults = faults;
    this.#server = createServer((incoming, answer) => void this.#serve(incoming, answer).catch(() => {}));
  }

  static async start(to: number, faults: Faults): Promise<MessageRelay> {
    const relay = new MessageRelay(to, faults);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get counts(): Counts {
    return this.#counts;
  }

  async close(): Promise<void> {
    for (const one of this.#open) one.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const stream = body.includes('"SUBSCRIBE"');
    this.#counts.calls++;
    await this.#wait();
    // what opens a stream, or answers a ping in time, is not sent twice: the copy would be another subscriber
    const twice = !stream && this.#twice();
    if (twice) {
      const copy = this.#pass(incoming, body);
      copy.on('response', (r) => r.resume());
    }
    const passed = this.#pass(incoming, body);
    passed.on('error', () => answer.destroy());
    const [response] = (await once(passed, 'response')) as [IncomingMessage];
    answer.writeHead(response.statusCode ?? 502, response.headers);
    answer.flushHeaders();
    answer.on('close', () => response.destroy());
    if (!stream || response.statusCode !== 200) return void response.pipe(answer);
    await this.#stream(response, answer);
  }

  #pass(incoming: IncomingMessage, body: Buffer): ReturnType<typeof request> {
    const { method, url, headers } = incoming;
    const passed = request({ host: '127.0.0.1', port: this.#to, method, path: url, headers, agent: false });
    this.#open.add(passed);
    passed.on('error', () => {}).on('close', () => this.#open.delete(passed));
    passed.end(body);
    return passed;
  }

  async #stream(response: IncomingMessage, answer: ServerResponse): Promise<void> {
    const decoder = new RecordDecoder(64 * 1024 * 1024);
    response.on('error', () => answer.destroy());
    let last: Promise<void> = Promise.resolve();
    for await (const bytes of response)
      for (const record of decoder.push(bytes as Buffer)) {
        this.#counts.events++;
        const framed = Buffer.concat([Buffer.from(`${record.length}\n`), record]);
        const text = Buffer.from(record).toString('latin1');
        const twice = !text.includes('"SUBSCRIBED"') && this.#twice();
        // one after the other, as on one connection; the wait of each is its own, and begins when it comes
        const due = this.#wait();
        last = last.then(async () => {
          await due;
          answer.write(twice ? Buffer.concat([framed, framed]) : framed);
        });
      }
    await last;
    answer.end();
  }

  #twice(): boolean {
    const doubled = this.faulty && this.#faults.random.int(100) < this.#faults.doubledPercent;
    if (doubled) this.#counts.doubled++;
    return doubled;
  }

  #wait(): Promise<void> {
    if (!this.faulty) return Promise.resolve();
    const ms = this.#faults.random.int(this.#faults.delayMs + 1);
    this.#counts.longestDelayMs = Math.max(this.#counts.longestDelayMs, ms);
    return new Promise((resolve) => void setTimeout(resolve, ms));
  }
}
