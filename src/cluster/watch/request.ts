import type { Clock } from '../../core/clock.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../core/http/client.ts';
import type { WatchOptions } from './types.ts';

/** Between two pieces of a body that is not a stream. */
const GAP_MS = 30_000;
/** For the head of an answer: a master with 100,000 tasks needs seconds to write its state. */
export const HEAD_MS = 15_000;

export interface RequestParts {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly options: WatchOptions;
}

/** `GET url`; rejects when no answer came. */
export function get(parts: RequestParts, url: string, signal: AbortSignal): Promise<HttpResponse> {
  const timeoutMs = Math.min(GAP_MS, parts.options.stateTimeoutMs);
  return send(parts, { method: 'GET', url, timeoutMs, signal });
}

/** One call of the operator API; `timeoutMs` 0 for a stream, whose silence its reader judges. */
export function call(
  parts: RequestParts,
  origin: string,
  type: string,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<HttpResponse> {
  const url = `${origin}/api/v1`;
  return send(parts, { method: 'POST', url, body: JSON.stringify({ type }), timeoutMs, signal });
}

/** With credentials; with newer ones again when these are refused. */
async function send(parts: RequestParts, request: HttpRequest): Promise<HttpResponse> {
  const { options, http } = parts;
  const once = async (): Promise<HttpResponse> => {
    const credentials = await options.credentials?.(request.url);
    const headers = { accept: 'application/json', 'content-type': 'application/json', ...credentials };
    return http.request({ ...request, headers });
  };
  const response = await once();
  if (response.status !== 401 || !options.renewCredentials?.()) return response;
  response.cancel();
  return once();
}

/**
 * A signal that aborts with `signal`, or `ms` after the last `touch`. Call `done` when it is no longer needed.
 */
export function deadline(clock: Clock, ms: number, signal: AbortSignal): Deadline {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  let expired = false;
  const expire = (): void => {
    expired = true;
    abort();
  };
  let timer = clock.after(ms, expire);
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    touch(nextMs) {
      timer.cancel();
      timer = clock.after(nextMs, expire);
    },
    done() {
      timer.cancel();
      signal.removeEventListener('abort', abort);
    },
  };
}

export interface Deadline {
  readonly signal: AbortSignal;
  /** Whether time ran out (rather than the outer signal aborting). */
  readonly expired: boolean;
  /** Start the time again, now with this many milliseconds. */
  touch(nextMs: number): void;
  done(): void;
}
