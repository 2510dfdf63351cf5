import { STATUS_CODES } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import { sleep } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient, HttpResponse } from '../../core/http/client.ts';
import { FinalError, receive } from './receive.ts';
import type { Received, ReceiveOptions } from './receive.ts';

const MAX_REDIRECTS = 5;
/** Answers after which the same request may go well a moment later (RFC 9110 §15). */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
/** Before the second try; it doubles. */
const FIRST_WAIT_MS = 1_000;

export interface Downloads {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly stallMs: number;
  readonly tries: number;
}

export interface DownloadOptions extends Omit<ReceiveOptions, 'onBytes'> {
  /** Hears how far it is, and of how much where the server has said that. */
  readonly onBytes?: (bytes: number, of: number | undefined) => void;
  /** Hears why it is tried again. */
  readonly onRetry?: (problem: string) => void;
}

/**
 * Get a URL into a file, redirects followed, as a whole or not at all. It is tried again, from the start, where the connection or the
 * server failed. Rejects in words for people; with the reason of `signal` as soon as that aborts.
 */
export async function download(
  parts: Downloads,
  url: string,
  path: string,
  options: DownloadOptions,
): Promise<Received> {
  const { signal, onRetry } = options;
  for (let tried = 1; ; tried++) {
    try {
      return await once(parts, url, path, options);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof FinalError || tried >= parts.tries)
        throw tried === 1 ? error : new Error(`${errorText(error)} (tried ${tried} times)`, { cause: error });
      onRetry?.(errorText(error));
      await sleep(parts.clock, FIRST_WAIT_MS * 2 ** (tried - 1), signal);
      signal.throwIfAborted();
    }
  }
}

async function once(
  { http, stallMs }: Downloads,
  url: string,
  path: string,
  options: DownloadOptions,
): Promise<Received> {
  const { signal, maxBytes, onBytes } = options;
  const response = await follow(http, url, stallMs, signal);
  try {
    const length = lengthOf(response);
    if (length !== undefined && length > maxBytes)
      throw new FinalError(
        `it has ${length} bytes, ${maxBytes} are allowed (agent.fetcher.maxBytes says how many)`,
      );
    const received = await receive(response.body, path, {
      ...options,
      onBytes: (bytes) => onBytes?.(bytes, length),
    });
    if (length !== undefined && received.bytes !== length)
      throw new Error(`the server sent ${received.bytes} bytes instead of ${length}`);
    return received;
  } catch (error) {
    response.cancel();
    throw inWords(error, stallMs);
  }
}

async function follow(
  http: HttpClient,
  url: string,
  stallMs: number,
  signal: AbortSignal,
): Promise<HttpResponse> {
  let at = new URL(url);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await ask(http, at, stallMs, signal);
    if (response.status === 200) return response;
    response.cancel();
    const location = response.headers['location'];
    if (response.status < 300 || response.status > 399 || location === undefined)
      throw refusal(response.status);
    if (!URL.canParse(location, at.href)) throw new FinalError(`the server redirects to '${location}'`);
    const next = new URL(location, at.href);
    const allowed = next.protocol === 'https:' || (next.protocol === 'http:' && at.protocol === 'http:');
    if (!allowed)
      throw new FinalError(
        `the server redirects from ${at.protocol} to ${next.protocol}, which is not followed`,
      );
    at = next;
  }
  throw new FinalError(`more than ${MAX_REDIRECTS} redirects, the last one to ${at.origin}${at.pathname}`);
}

async function ask(http: HttpClient, at: URL, stallMs: number, signal: AbortSignal): Promise<HttpResponse> {
  const { username, password } = at;
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  try {
    return await http.request({
      method: 'GET',
      url: at.href,
      timeoutMs: stallMs,
      signal,
      ...(username === '' ? {} : { headers: { authorization: `Basic ${login.toString('base64')}` } }),
    });
  } catch (error) {
    throw inWords(error, stallMs);
  }
}

function refusal(status: number): Error {
  const text = `the server answered ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
  return PASSING.has(status) ? new Error(text) : new FinalError(text);
}

/** Undefined where the length is not told, or is not that of the bytes that arrive. */
function lengthOf({ headers }: HttpResponse): number | undefined {
  const text = headers['content-length'];
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** What the HTTP client says in codes. */
function inWords(error: unknown, stallMs: number): unknown {
  if (error instanceof FinalError) return error;
  const { code } = error as { code?: unknown };
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return new Error(`nothing came for ${stallMs / 1000} s`, { cause: error });
  if (code === 'UND_ERR_SOCKET' || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH')
    return new Error('the server closed the connection in between', { cause: error });
  return error;
}
