import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { recordedBody } from './replay-captures.ts';

/**
 * How the server behaves:
 * - `modern`: operator API v1 with its event stream, and v0 `/state`, as a leading Mesos 1.x does
 * - `old`: no v1 API, only the v0 documents, also as `*.json`
 * - `static`: a plain web server with the v0 document as one file (`staticPath`); refuses POST with 501
 * - `redirect`: every path answers 307 to `redirectTo`, without scheme, as a standby master does
 * - `unavailable`: 503 to everything, as a master without a leader does
 * - `stall`: accepts requests and never answers
 */
export type ReplayMode = 'modern' | 'old' | 'static' | 'redirect' | 'unavailable' | 'stall';

export interface ReplayRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const EMPTY_STATE = {
  get_tasks: { tasks: [] },
  get_executors: { executors: [] },
  get_frameworks: { frameworks: [] },
  get_agents: { agents: [] },
};

/** A small real HTTP server that answers as a Mesos master did. Everything can be changed while it runs. */
export class ReplayMaster {
  mode: ReplayMode = 'modern';
  /** v0 `/master/state`: a JSON value, or the exact text. */
  state: unknown = undefined;
  /** v0 `/state-summary`; without it that path is 404. */
  summary: unknown = undefined;
  /** v1 `get_state` object for SUBSCRIBED and GET_STATE. */
  getState: unknown = EMPTY_STATE;
  /** v1 `get_agents` object; without it GET_AGENTS is refused. */
  getAgents: unknown = undefined;
  /** It says that its registry was empty (a header of ours). */
  beganEmpty = false;
  /** v1 `get_master` object. */
  getMaster: unknown = undefined;
  redirectTo = '';
  staticPath = '/state.json';
  /** Advertised in SUBSCRIBED; a HEARTBEAT is sent this often unless `silent`. */
  heartbeatSeconds = 15;
  silent = false;
  /** Split what streams send into pieces of at most this many bytes. */
  pieceBytes = Number.POSITIVE_INFINITY;
  /** Every request that came, oldest first. */
  readonly requests: ReplayRequest[] = [];
  readonly #streams = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #waiting: (() => void)[] = [];
  readonly #beats = new Set<NodeJS.Timeout>();

  /** Listen on a loopback address; port 0 picks a free one. */
  async listen(port = 0, host = '127.0.0.1'): Promise<this> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `127.0.0.1:<port>`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Event streams that are open now. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Take both documents from a recorded situation (`dns`, `master-running`, ...), where it has them. */
  situation(name: string): this {
    this.state = recordedBody(name, 'GET_state');
    try {
      const v1 = recordedBody(name, 'v1_GET_STATE') as { readonly get_state: unknown };
      this.getState = v1.get_state;
    } catch {
      this.getState = EMPTY_STATE;
    }
    return this;
  }

  /** Resolves at the next SUBSCRIBE, after its SUBSCRIBED record was sent. */
  nextStream(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Send events to all open streams. */
  send(...events: readonly unknown[]): void {
    for (const event of events) this.sendBytes(record(event));
  }

  /** Send bytes as they are to all open streams. */
  sendBytes(bytes: Uint8Array): void {
    for (const stream of this.#streams) this.#write(stream, bytes);
  }

  /** Finish all open streams cleanly, as a master does with its oldest subscriber. */
  endStreams(): void {
    for (const stream of this.#streams) stream.end();
  }

  /** Break all connections, as a killed master does. */
  drop(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    for (const beat of this.#beats) clearInterval(beat);
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    this.drop();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {});
    let body = '';
    try {
      for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    } catch {
      return;
    }
    const path = new URL(request.url ?? '/', 'http://master').pathname;
    const method = request.method ?? 'GET';
    this.requests.push({ method, path, headers: request.headers, body });
    if (this.beganEmpty) response.setHeader('rimrock-registry', 'empty');
    if (this.mode === 'stall') return;
    if (this.mode === 'redirect')
      return end(response, 307, '', { location: `//${this.redirectTo}${path}`, 'content-length': '0' });
    if (this.mode === 'unavailable') return end(response, 503, '503 Service Unavailable.');
    if (this.mode === 'static' && method !== 'GET') return end(response, 501, 'Unsupported method');
    if (method === 'POST' && path === '/api/v1' && this.mode === 'modern') return this.#v1(body, response);
    if (method === 'GET' && this.#isStatePath(path) && this.state !== undefined) {
      const text = typeof this.state === 'string' ? this.state : JSON.stringify(this.state);
      return end(response, 200, text, { 'content-type': 'application/json' });
    }
    if (method === 'GET' && path === '/state-summary' && this.mode === 'modern' && this.summary !== undefined)
      return end(response, 200, JSON.stringify(this.summary), { 'content-type': 'application/json' });
    return end(response, 404, '404 Not Found.');
  }

  #isStatePath(path: string): boolean {
    if (this.mode === 'static') return path === this.staticPath;
    if (path === '/state' || path === '/master/state') return true;
    return this.mode === 'old' && (path === '/state.json' || path === '/master/state.json');
  }

  #v1(body: string, response: ServerResponse): void {
    const { type } = JSON.parse(body) as { readonly type: string };
    const json = (value: unknown): void =>
      end(response, 200, JSON.stringify(value), { 'content-type': 'application/json' });
    if (type === 'SUBSCRIBE') return this.#subscribe(response);
    if (type === 'GET_AGENTS' && this.getAgents !== undefined)
      return json({ type, get_agents: this.getAgents });
    if (type === 'GET_STATE') return json({ type, get_state: this.getState });
    if (type === 'GET_MASTER' && this.getMaster !== undefined)
      return json({ type, get_master: this.getMaster });
    return end(response, 501, `Unknown call ${type}`);
  }

  #subscribe(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    this.#streams.add(response);
    const beat = setInterval(() => {
      if (!this.silent) this.#write(response, record({ type: 'HEARTBEAT' }));
    }, this.heartbeatSeconds * 1000);
    this.#beats.add(beat);
    response.on('close', () => {
      clearInterval(beat);
      this.#beats.delete(beat);
      this.#streams.delete(response);
    });
    const subscribed = { get_state: this.getState, heartbeat_interval_seconds: this.heartbeatSeconds };
    this.#write(response, record({ type: 'SUBSCRIBED', subscribed }));
    this.#write(response, record({ type: 'HEARTBEAT' }));
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #write(stream: ServerResponse, bytes: Uint8Array): void {
    const size = Math.min(this.pieceBytes, bytes.length);
    for (let i = 0; i < bytes.length; i += size) stream.write(bytes.subarray(i, i + size));
  }
}

/** One RecordIO record: length in bytes, a line feed, JSON. */
function record(event: unknown): Uint8Array {
  const json = Buffer.from(JSON.stringify(event));
  return Buffer.concat([Buffer.from(`${json.length}\n`), json]);
}

function end(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = { 'content-type': 'text/plain; charset=utf-8' },
): void {
  response.writeHead(status, headers);
  response.end(text);
}
