import { Backoff } from '../../core/backoff.ts';
import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { HttpClient } from '../../core/http/client.ts';
import { towardsMaster } from '../../core/http/mutual-tls.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { AuthorityNews, IssuedChain, Issuer } from '../identity/issuer.ts';
import { AuthorityPlaces } from '../identity/places.ts';
import { makeKeyRequest } from '../x509/csr.ts';
import { post } from './client.ts';
import { PATHS, newsSchema } from './messages.ts';

const WAIT_MS = 25_000;
/** Longer than it waits. */
const SILENCE_MS = 40_000;
const RETRY = { firstMs: 500, maxMs: 30_000, jitter: 0.5 } as const;

/** The authority over mutual TLS, whoever leads: the certificate that we have buys the next. */
export class RemoteIssuer implements Issuer {
  readonly #parts: {
    readonly url: string;
    readonly tls: MutualTls;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
  };
  readonly #places: AuthorityPlaces;

  constructor(parts: {
    readonly url: string;
    readonly tls: MutualTls;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
  }) {
    this.#parts = parts;
    this.#places = new AuthorityPlaces(parts.url);
  }

  /** A connection of its own each time, made with the identity of that time. */
  async issue(publicKey: string, privateKey: string): Promise<IssuedChain> {
    const client = this.#client();
    try {
      const csr = makeKeyRequest({ publicKey, privateKey });
      const { news: _news, ...issued } = await post(client, this.#places, PATHS.renew, { csr });
      return issued;
    } finally {
      await client.close();
    }
  }

  follow(listener: (news: AuthorityNews) => void): Unsubscribe {
    const end = new AbortController();
    void this.#follow(listener, end.signal);
    return () => end.abort();
  }

  async #follow(listener: (news: AuthorityNews) => void, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#parts;
    const backoff = new Backoff(random, RETRY);
    let sequence: number | undefined;
    while (!signal.aborted) {
      const client = this.#client();
      try {
        const after = sequence === undefined ? '' : `?after=${sequence}&waitMs=${WAIT_MS}`;
        const response = await this.#places.ask(client, `${PATHS.news}${after}`, {
          method: 'GET',
          timeoutMs: SILENCE_MS,
          signal,
        });
        const text = await response.text();
        if (response.status !== 200) throw new Error(`${response.status} ${text.slice(0, 200)}`);
        const news = newsSchema.parse(JSON.parse(text));
        backoff.reset();
        // An authority that was restored from a backup may be behind: what it says now is what holds.
        if (news.bundle.sequence !== sequence) listener(news);
        sequence = news.bundle.sequence;
      } catch (error) {
        if (signal.aborted) return;
        log.debug({ error: errorText(error) }, 'the authority cannot be followed; what is known stays');
        await sleep(clock, backoff.next(), signal);
      } finally {
        await client.close();
      }
    }
  }

  #client(): HttpClient {
    return createHttpClient({ connections: 1, ...towardsMaster(this.#parts.tls) });
  }
}
