import { Backoff } from '../backoff.ts';
import { sleep } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { HttpClient } from './client.ts';
import { unreachedText } from './tls-trouble.ts';

/** A key of Consul. */
export interface ConsulKey {
  /** `http://host:port` of its HTTP API. */
  readonly origin: string;
  readonly key: string;
  /** Empty for none. */
  readonly token: string;
}

export type KeyNews =
  /** What the key holds now; undefined while it is not there, or not locked by anybody. */
  | { readonly kind: 'value'; readonly value: string | undefined }
  /** Why nothing new is known; what was told still holds. */
  | { readonly kind: 'problem'; readonly reason: string };

const WAIT_SECONDS = 30;
/** Where the configuration says how Consul is spoken to over TLS, for whoever speaks to it. */
export const CONSUL_TLS = 'store.consul.tls';

/**
 * Follow a key that whoever leads something holds the lock of, by blocking queries, until `signal` aborts. Each value is told
 * when it is another one than before, the first at once, and again after a problem.
 */
export async function* followLockedKey(
  { origin, key, token }: ConsulKey,
  parts: { readonly http: HttpClient; readonly clock: Clock; readonly random: Random },
  signal: AbortSignal,
): AsyncGenerator<KeyNews, void> {
  const backoff = new Backoff(parts.random, { firstMs: 200, maxMs: 5_000, jitter: 0.5 });
  const path = key.split('/').map(encodeURIComponent).join('/');
  let index = 0;
  let told: string | undefined;
  let known = false;
  while (!signal.aborted) {
    try {
      const response = await parts.http.request({
        method: 'GET',
        url: `${origin}/v1/kv/${path}?index=${index}&wait=${WAIT_SECONDS}s`,
        headers: token === '' ? {} : { 'x-consul-token': token },
        timeoutMs: (WAIT_SECONDS + 10) * 1000,
        signal,
      });
      const text = await response.text();
      if (response.status !== 200 && response.status !== 404)
        throw new Error(`Consul answered ${response.status} ${text.slice(0, 200)}`);
      const next = Number(response.headers['x-consul-index'] ?? 0);
      index = next < index ? 0 : next;
      const value = response.status === 200 ? lockedValue(text) : undefined;
      backoff.reset();
      if (known && value === told) continue;
      known = true;
      told = value;
      yield { kind: 'value', value };
    } catch (error) {
      if (signal.aborted) return;
      index = 0;
      known = false; // so that whoever heard of the problem hears that it is over, also with the value as before
      yield { kind: 'problem', reason: `Consul at ${origin}: ${unreachedText(origin, error, CONSUL_TLS)}` };
      await sleep(parts.clock, backoff.next(), signal);
    }
  }
}

function lockedValue(text: string): string | undefined {
  const [item] = JSON.parse(text) as { readonly Value: string | null; readonly Session?: string }[];
  if (item?.Session === undefined) return undefined;
  return Buffer.from(item.Value ?? '', 'base64').toString();
}
