import type { IncomingHttpHeaders } from 'node:http';
import type { Api, ApiReply, ApiRequest } from '../../src/core/http/server.ts';
import type { SimProcess } from './process.ts';

/** What comes back of a call, as the server says it. */
export interface Answer {
  head(status: number, headers: Readonly<Record<string, string>>): void;
  piece(bytes: Uint8Array): void;
  end(): void;
  /** The server drops the connection. */
  destroy(): void;
}

export interface ArrivedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly from: string;
}

type Handler = (request: ApiRequest, reply: ApiReply) => unknown;

const NOWHERE = { socket: {} };

/** Stands where the HTTP server of an API stands: one handler for all paths is what the master has. */
export class SimApi {
  #handler: Handler | undefined;
  readonly #paths = new Map<string, Handler>();
  /** Nobody new comes in. */
  closed = false;
  /** Streams that are open. */
  readonly streams = new Set<SimRaw>();
  readonly server = { close: (): void => void (this.closed = true) };

  /** Routes, hooks and parsers that nobody asks for in a simulation are taken and forgotten. */
  asApi(): Api {
    const known = (name: string | symbol): unknown => {
      const value: unknown = Reflect.get(this, name);
      return typeof value === 'function' ? value.bind(this) : value;
    };
    const get = (_: object, name: string | symbol): unknown =>
      name in this ? known(name) : name === 'then' ? undefined : () => {};
    return new Proxy({}, { get }) as Api;
  }

  /** One that is asked by programs on its own machine. */
  all(url: string, handler: Handler): void {
    this.#paths.set(url, handler);
  }

  route(options: { readonly url: string; readonly handler: Handler }): void {
    if (options.url === '/*') this.#handler = options.handler;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Have the API answer; the result is told when the client has left. */
  handle(process: SimProcess, request: ArrivedRequest, answer: Answer): { clientLeft(): void } {
    const reply = new SimReply(request.method, answer, this.streams);
    const asked = {
      method: request.method,
      url: request.path,
      query: request.query,
      headers: request.headers as IncomingHttpHeaders,
      body: Buffer.from(request.body),
      ip: request.from,
      raw: NOWHERE,
    };
    const failed = (error: unknown): void => {
      process.world.violated(
        `uncaught in ${process.name}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    };
    try {
      const handler = this.#paths.get(request.path) ?? this.#handler;
      const result = handler?.(asked as unknown as ApiRequest, reply as unknown as ApiReply);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
    return { clientLeft: () => reply.raw.gone() };
  }
}

/** As much of a fastify reply as APIs of ours use. */
class SimReply {
  readonly request: { readonly method: string };
  readonly raw: SimRaw;
  readonly #streams: Set<SimRaw>;
  #status = 200;
  readonly #headers: Record<string, string> = {};

  constructor(method: string, answer: Answer, streams: Set<SimRaw>) {
    this.request = { method };
    this.raw = new SimRaw(answer);
    this.#streams = streams;
  }

  code(status: number): this {
    this.#status = status;
    return this;
  }

  header(name: string, value: string): this {
    this.#headers[name.toLowerCase()] = value;
    return this;
  }

  headers(all: Readonly<Record<string, string>>): this {
    for (const [name, value] of Object.entries(all)) this.header(name, value);
    return this;
  }

  getHeaders(): Readonly<Record<string, string>> {
    return this.#headers;
  }

  type(value: string): this {
    return this.header('content-type', value);
  }

  hijack(): this {
    if (this.raw.destroyed) return this;
    this.#streams.add(this.raw);
    this.raw.on('close', () => this.#streams.delete(this.raw));
    return this;
  }

  send(body?: Uint8Array | string): this {
    this.raw.writeHead(this.#status, this.#headers);
    if (body !== undefined && body.length > 0) this.raw.write(body);
    this.raw.end();
    return this;
  }
}

/** As much of a ServerResponse as a stream of ours uses. */
class SimRaw {
  readonly socket = { setNoDelay: (): void => {}, cork: (): void => {}, uncork: (): void => {} };
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  headersSent = false;
  destroyed = false;
  #ended = false;
  readonly #answer: Answer;
  readonly #onClose: (() => void)[] = [];

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  on(event: string, f: () => void): void {
    if (event === 'close') this.#onClose.push(f);
  }

  writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    this.headersSent = true;
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    this.#answer.head(status, Object.fromEntries(lower) as Record<string, string>);
  }

  flushHeaders(): void {}

  write(piece: string | Uint8Array): void {
    if (!this.destroyed && !this.#ended)
      this.#answer.piece(typeof piece === 'string' ? new TextEncoder().encode(piece) : piece);
  }

  end(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    this.#answer.end();
    this.gone();
  }

  destroy(): void {
    if (!this.destroyed) this.#answer.destroy();
    this.gone();
  }

  gone(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    for (const f of this.#onClose) f();
  }
}
