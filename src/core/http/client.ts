import { createRequire } from 'node:module';
import type { ConnectionOptions, PeerCertificate } from 'node:tls';
import type * as Undici from 'undici';
import { mutualConnector } from './mutual-tls.ts';
import type { MutualClient } from './mutual-tls.ts';

// Only these parts: with its front door it loads a hundred modules more (fetch, caches, mocks, WebSocket), which took 15 MB and a
// good part of the time to start.
const load = createRequire(import.meta.url);
const Agent = load('undici/lib/dispatcher/agent.js') as typeof Undici.Agent;
const requestOn = load('undici/lib/api/api-request.js') as (
  this: Undici.Dispatcher,
  options: Undici.Dispatcher.RequestOptions,
) => Promise<Undici.Dispatcher.ResponseData>;

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute URL. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Deadline for the response head, and between two pieces of the body. Milliseconds; 0 means none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it arrives. Read it to the end or call `cancel`. */
  readonly body: AsyncIterable<Uint8Array>;
  text(): Promise<string>;
  /** Drop the connection without reading on. */
  cancel(): void;
}

export interface TlsOptions {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Verify the server's certificate (default true). */
  readonly verify?: boolean | undefined;
  /** Who the server is, instead of looking for its name in the certificate; an Error refuses it. */
  readonly checkServer?: (certificate: PeerCertificate) => Error | undefined;
}

export interface HttpClientOptions {
  readonly connections?: number;
  readonly tls?: TlsOptions | undefined;
  /** Instead of `tls`: everything goes over TLS by our identity, also what is addressed as `http:`. */
  readonly mutual?: MutualClient;
  readonly connectTimeoutMs?: number;
}

/** An HTTP client with its own connection pool. `connections: 1` keeps requests in the order they were made. */
export interface HttpClient {
  /** Redirects are not followed: each caller knows what a redirect means to it. Rejects when no response came. */
  request(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}

export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const { mutual, tls = {}, connectTimeoutMs: timeout = 5_000 } = options;
  const agent = new Agent({
    connections: options.connections ?? null,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    connect: mutual ? mutualConnector(mutual, timeout) : { timeout, ...connectOptions(tls) },
  });
  return {
    request: (request) =>
      send(agent, mutual ? { ...request, url: request.url.replace(/^http:/i, 'https:') } : request),
    close: () => agent.destroy(),
  };
}

function connectOptions({
  verify,
  checkServer,
  ca,
  cert,
  key,
}: TlsOptions): Pick<ConnectionOptions, 'rejectUnauthorized' | 'ca' | 'cert' | 'key'> {
  return {
    rejectUnauthorized: verify ?? true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(checkServer === undefined
      ? {}
      : { checkServerIdentity: (_host: string, leaf: PeerCertificate) => checkServer(leaf) }),
  };
}

async function send(agent: Undici.Agent, request: HttpRequest): Promise<HttpResponse> {
  const timeout = request.timeoutMs ?? 30_000;
  const { origin, pathname, search } = new URL(request.url);
  const response = await requestOn.call(agent, {
    origin,
    path: `${pathname}${search}`,
    method: request.method,
    headers: { ...request.headers },
    body: request.body ?? null,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    ...(request.signal ? { signal: request.signal } : {}),
  });
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '');
  }
  const body = response.body;
  body.on('error', () => {}); // the reader of `body` sees the error; without a reader it is nobody's news
  return {
    status: response.statusCode,
    headers,
    body,
    text: () => body.text(),
    cancel: () => void body.destroy(),
  };
}

/**
 * Give the memory of a piece of a body back at once, for bodies of a hundred megabytes: as garbage they would make the
 * collector stop the process several times in each. The piece must not be used again. Only a piece that has its memory
 * for itself is given back; in others the client may have to read on.
 */
export function releasePiece(piece: Uint8Array): void {
  const { buffer } = piece;
  if (buffer instanceof ArrayBuffer && piece.byteLength === buffer.byteLength) buffer.transfer(0);
}
