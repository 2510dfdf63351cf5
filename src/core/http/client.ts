import { Agent, request as undiciRequest } from 'undici';
import type { Dispatcher } from 'undici';

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
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Verify the server's certificate (default true). */
  readonly verify?: boolean;
}

/** An HTTP client with its own connection pool. `connections: 1` keeps requests in the order they were made. */
export interface HttpClient {
  /** Redirects are not followed: each caller knows what a redirect means to it. Rejects when no response came. */
  request(request: HttpRequest): Promise<HttpResponse>;
  close(): Promise<void>;
}

export function createHttpClient(
  options: { connections?: number; tls?: TlsOptions; connectTimeoutMs?: number } = {},
): HttpClient {
  const tls = options.tls ?? {};
  const agent = new Agent({
    connections: options.connections ?? null,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    connect: {
      timeout: options.connectTimeoutMs ?? 5_000,
      rejectUnauthorized: tls.verify ?? true,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    },
  });
  return {
    request: (request) => send(agent, request),
    close: () => agent.destroy(),
  };
}

async function send(agent: Agent, request: HttpRequest): Promise<HttpResponse> {
  const timeout = request.timeoutMs ?? 30_000;
  const response: Dispatcher.ResponseData = await undiciRequest(request.url, {
    dispatcher: agent,
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
