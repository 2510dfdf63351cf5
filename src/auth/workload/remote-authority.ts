import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { Logger } from '../../core/log.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import { SIGN_ROUTES } from '../api/sign-routes.ts';
import { AuthorityPlaces } from '../identity/places.ts';
import { workloadErrors } from './errors.ts';
import type { IssuedChain } from '../identity/issuer.ts';
import type { JwtSvid, TaskAuthority, TaskClaim, TaskNews } from './task-authority.ts';

export interface RemoteAuthorityParts {
  /** `http://host:port` of the identity API; of several masters, with commas between. */
  readonly url: string;
  /** Its own, and closed by whoever made it. */
  readonly client: HttpClient;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A signature takes a millisecond; the longest is for an authority that has just started. */
const ANSWER_MS = 8_000;
/** How long the authority may keep a question for news, and how long it is waited for. */
const WAIT_MS = 10_000;
const AGAIN_AFTER_MS = 1_000;

/** The authority of an agent in a process of its own, over HTTP. */
export function remoteAuthority({ url, client, clock, log }: RemoteAuthorityParts): TaskAuthority {
  const places = new AuthorityPlaces(url);
  const ask = async <T>(
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    signal?: AbortSignal,
  ): Promise<T> => {
    const response = await places.ask(client, path, {
      method,
      timeoutMs: method === 'GET' ? WAIT_MS + ANSWER_MS : ANSWER_MS,
      ...(signal ? { signal } : {}),
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    const text = await response.text();
    if (response.status === 200) return JSON.parse(text) as T;
    throw workloadErrors.AUTH_WORKLOAD_AUTHORITY({ url, status: response.status, reason: reasonIn(text) });
  };

  const followNews = async (listener: (news: TaskNews) => void, signal: AbortSignal): Promise<void> => {
    let sequence = 0;
    let told = '';
    while (!signal.aborted) {
      try {
        const path = `${SIGN_ROUTES.news}?after=${sequence}&waitMs=${WAIT_MS}`;
        const news = await ask<TaskNews>('GET', path, undefined, signal);
        sequence = news.bundle.sequence;
        const text = JSON.stringify(news);
        if (text !== told && !signal.aborted) listener(news);
        told = text;
      } catch (error) {
        if (signal.aborted) return;
        log.debug({ error: errorText(error), url }, 'the authority does not tell its news; asking again');
        sequence = 0; // it may be another one, with a count of its own
        await sleep(clock, AGAIN_AFTER_MS, signal);
      }
    }
  };

  return {
    sign: (claim: TaskClaim, csr) => ask<IssuedChain>('POST', SIGN_ROUTES.sign, { ...claim, csr }),
    signJwt: (claim, audience) => ask<JwtSvid>('POST', SIGN_ROUTES.signJwt, { ...claim, audience }),
    follow(listener): Unsubscribe {
      const end = new AbortController();
      void followNews(listener, end.signal);
      return () => end.abort();
    },
  };
}

function reasonIn(text: string): string {
  try {
    const { code, message } = JSON.parse(text) as { code?: string; message?: string };
    return `${code}: ${message}`;
  } catch {
    return text.slice(0, 200);
  }
}
