import { AsyncQueue } from '../../src/core/async-queue.ts';
import type { Timer } from '../../src/core/clock.ts';
import type { HttpRequest, HttpResponse } from '../../src/core/http/client.ts';
import type { Connection } from './connection.ts';
import type { Listener, Network } from './network.ts';
import type { SimProcess } from './process.ts';
import type { Answer, ArrivedRequest } from './server.ts';

interface Open {
  readonly connection: Connection;
  readonly listener: Listener;
}

/** How long after a call its copy may arrive. */
const COPY_LATE_MS = 2_000;
const SPLIT = 0.05;
/** Calls that nobody wants to read about in a trace. */
const QUIET = new Set(['PONG', 'GET_AGENTS', 'GET_MASTER']);

const NO_ANSWER: Answer = { head() {}, piece() {}, end() {}, destroy() {} };

/** One call of a client and its answer, over one connection. */
export class Exchange {
  readonly address: string;
  readonly response: Promise<HttpResponse>;
  /** Told once, with the connection if that can be used again. */
  onOver: (reusable: Open | undefined) => void = () => {};
  over = false;
  readonly #network: Network;
  readonly #process: SimProcess;
  readonly #request: HttpRequest;
  readonly #timeoutMs: number;
  readonly #type: string;
  readonly #body = new AsyncQueue<Uint8Array>();
  #failure: Error | undefined;
  #resolve: (response: HttpResponse) => void = () => {};
  #reject: (error: Error) => void = () => {};
  #open: Open | undefined;
  #timer: Timer | undefined;
  readonly #abort = (): void => this.fail('aborted');

  constructor(network: Network, process: SimProcess, request: HttpRequest) {
    this.#network = network;
    this.#process = process;
    this.#request = request;
    this.address = network.resolve(new URL(request.url));
    this.#timeoutMs = request.timeoutMs ?? 30_000;
    this.#type =
      /"type":"(\w+)"/.exec(typeof request.body === 'string' ? request.body : '')?.[1] ?? request.method;
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.response.catch(() => {});
    const { signal } = request;
    if (signal?.aborted) process.world.after(0, () => process.run(this.#abort));
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  begin(connection: Connection, listener: Listener): void {
    this.#open = { connection, listener };
    connection.clientEnd = { lost: (why) => this.fail(why) };
    this.#touch();
    const { url, method, headers = {}, body = '' } = this.#request;
    const request: ArrivedRequest = {
      method,
      path: new URL(url).pathname,
      query: Object.fromEntries(new URL(url).searchParams),
      headers,
      body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
      from: this.#process.host,
    };
    const { world, weather } = this.#network;
    const call = this.#timeoutMs > 0 && this.#process.host !== listener.process.host;
    const lost = call && world.chance(weather.loss) ? world.pick(['call', 'answer'] as const) : undefined;
    if (lost === 'call') {
      world.say('network', `${this.#type} of ${this.#process.name} is lost`);
      return connection.cut();
    }
    if (call && world.chance(weather.duplicates)) this.#copy(listener, request);
    connection.send('client', () => {
      // to a call it may say what held when that came; what a stream says is news
      const may = call ? listener.mayAnswer?.() : undefined;
      const mayAnswer = (): boolean => may ?? listener.mayAnswer?.() ?? true;
      if (!QUIET.has(this.#type))
        world.say(listener.process.name, `hears ${this.#type} of ${this.#process.name}`);
      const arrived = listener.api.handle(
        listener.process,
        request,
        this.#answer(connection, lost === 'answer', mayAnswer),
      );
      connection.serverEnd = { lost: () => arrived.clientLeft() };
    });
  }

  fail(why: string): void {
    if (this.over) return;
    this.#failure = new Error(`${this.#type}: ${why}`);
    this.#open?.connection.leave('client');
    this.#reject(this.#failure);
    this.#end(undefined);
  }

  #copy(listener: Listener, request: ArrivedRequest): void {
    const { world } = this.#network;
    world.after(world.between(0, COPY_LATE_MS), () =>
      listener.process.run(() => {
        if (!this.#network.passes(this.#process.host, listener.process.host)) return;
        world.say(listener.process.name, `hears ${this.#type} of ${this.#process.name} again`);
        listener.api.handle(listener.process, request, NO_ANSWER);
      }),
    );
  }

  /** What the server says, on its way to us. */
  #answer(connection: Connection, lost: boolean, mayAnswer: () => boolean): Answer {
    const { world } = this.#network;
    let own = true;
    const judge = (): void => {
      if (own && !mayAnswer())
        world.violated(`${connection.server.name} answers ${this.#type}, though another one leads`);
    };
    return {
      head: (status, headers) => {
        own = status !== 307 && status !== 503;
        if (this.#timeoutMs > 0) judge(); // a stream that begins has said nothing yet
        if (lost) {
          world.say('network', `the answer to ${this.#type} of ${this.#process.name} is lost`);
          return connection.cut();
        }
        connection.send('server', () => this.#head(status, headers));
      },
      piece: (bytes) => {
        judge();
        const at = world.chance(SPLIT) ? world.random.int(bytes.length) : 0;
        if (at > 0) connection.send('server', () => this.#piece(bytes.slice(0, at)));
        connection.send('server', () => this.#piece(bytes.slice(at)));
      },
      end: () => connection.send('server', () => this.#end(this.#open)),
      destroy: () => connection.leave('server'),
    };
  }

  #head(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.over) return;
    this.#touch();
    const read = (): AsyncIterable<Uint8Array> => this.#read();
    this.#resolve({
      status,
      headers,
      body: { [Symbol.asyncIterator]: () => read()[Symbol.asyncIterator]() },
      text: async () => {
        const pieces: Uint8Array[] = [];
        for await (const piece of read()) pieces.push(piece);
        return Buffer.concat(pieces).toString('utf8');
      },
      cancel: () => this.fail('cancelled'),
    });
  }

  #piece(bytes: Uint8Array): void {
    if (this.over) return;
    this.#touch();
    this.#body.push(bytes);
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of this.#body) yield piece;
      if (this.#failure) throw this.#failure;
    } finally {
      this.fail('not read to its end');
    }
  }

  #touch(): void {
    this.#timer?.cancel();
    if (this.#timeoutMs > 0)
      this.#timer = this.#process.clock.after(this.#timeoutMs, () => this.fail('no answer in time'));
  }

  #end(reusable: Open | undefined): void {
    if (this.over) return;
    this.over = true;
    this.#timer?.cancel();
    this.#request.signal?.removeEventListener('abort', this.#abort);
    this.#body.close();
    this.onOver(reusable);
  }
}
