import { AsyncQueue } from '../../core/async-queue.ts';
import { Backoff } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { sleep } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { Random } from '../../core/random.ts';
import { masterOrigin } from '../../mesos/index.ts';
import { ClusterModel } from '../model/index.ts';
import type { MasterEndpoint } from '../model/index.ts';
import { endpointOfOrigin } from './master-url.ts';
import { followPolls } from './poll.ts';
import { followStream } from './stream.ts';
import type { FollowContext } from './stream.ts';
import type { ClusterEvent, ClusterWatcher, FollowEnd, WatchObserver, WatchOptions } from './types.ts';

export interface WatcherParts {
  readonly options: WatchOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly http: HttpClient;
  readonly observer: WatchObserver;
}

/** Masters that were found to lead are followed through at most this many redirects. */
const MAX_REDIRECTS = 5;
/** A connection that lived this long was a good one: the next wait is a short one again. */
const GOOD_MS = 5_000;

export function createWatcher(parts: WatcherParts): ClusterWatcher {
  return {
    events(signal) {
      const queue = new AsyncQueue<ClusterEvent>();
      void new Run(parts, queue, signal).loop().finally(() => queue.close());
      return queue;
    },
  };
}

/** One life of a watch, from the first attempt until the signal aborts. */
class Run {
  readonly #parts: WatcherParts;
  readonly #queue: AsyncQueue<ClusterEvent>;
  readonly #signal: AbortSignal;
  readonly #origins: readonly string[];
  readonly #masters: readonly MasterEndpoint[];
  /** The last known state, kept level with everything that was told. */
  #model: ClusterModel | undefined;
  #stale = false;
  /** Where the leader was last found: asked first, or last when it fell silent. */
  #leader: { readonly origin: string; readonly silent: boolean } | undefined;
  /** Origins without an event stream, and when (monotonic) to try again. */
  readonly #streamless = new Map<string, number>();

  constructor(parts: WatcherParts, queue: AsyncQueue<ClusterEvent>, signal: AbortSignal) {
    this.#parts = parts;
    this.#queue = queue;
    this.#signal = signal;
    const { masters, https } = parts.options;
    this.#origins = masters.map((m) => masterOrigin(m, https)).filter((m) => m !== undefined);
    this.#masters = this.#origins.map(endpointOfOrigin).filter((e) => e !== undefined);
  }

  async loop(): Promise<void> {
    const backoff = new Backoff(this.#parts.random, { firstMs: 100, maxMs: 5_000, jitter: 0.25 });
    while (!this.#signal.aborted) {
      const round = await this.#round();
      if (this.#signal.aborted) return;
      if (round === 'again') continue;
      this.#tellStale(round.reason);
      if (round.livedMs >= GOOD_MS) backoff.reset();
      await sleep(this.#parts.clock, backoff.next(), this.#signal);
    }
  }

  /** Try the last leader and every configured master, until one could be followed. */
  async #round(): Promise<'again' | { readonly reason: string; readonly livedMs: number }> {
    const leader = this.#leader;
    const others = this.#origins.filter((o) => o !== leader?.origin);
    const candidates = leader
      ? leader.silent
        ? [...others, leader.origin]
        : [leader.origin, ...others]
      : others;
    let reason = 'no master is configured';
    for (const candidate of candidates) {
      const { origin, end } = await this.#followRedirects(candidate);
      if (end.kind === 'aborted') return 'again';
      if (end.kind === 'retry-stream') {
        this.#leader = { origin, silent: false };
        return 'again';
      }
      if (end.kind === 'redirect') reason = `${origin}: too many redirects`;
      else reason = `${origin}: ${end.reason}`;
      if (end.kind === 'lost') {
        this.#leader = { origin, silent: end.silent };
        return { reason, livedMs: end.livedMs };
      }
      if (candidate === leader?.origin) this.#leader = undefined;
    }
    return { reason, livedMs: 0 };
  }

  async #followRedirects(candidate: string): Promise<{ readonly origin: string; readonly end: FollowEnd }> {
    let origin = candidate;
    for (let hop = 0; ; hop++) {
      const end = await this.#follow(origin);
      this.#parts.observer.onEnd(origin, end);
      if (end.kind !== 'redirect' || hop >= MAX_REDIRECTS) return { origin, end };
      origin = end.to;
    }
  }

  /** Follow one master the best way it offers. */
  async #follow(origin: string): Promise<FollowEnd> {
    try {
      return await this.#followBestWay(origin);
    } catch (error) {
      // Credentials that cannot be had, for one: as good as a master that does not answer.
      return { kind: 'failed', reason: errorText(error) };
    }
  }

  async #followBestWay(origin: string): Promise<FollowEnd> {
    const { options, clock, observer } = this.#parts;
    const context = this.#context();
    if (options.mode !== 'poll' && clock.monotonic() >= (this.#streamless.get(origin) ?? 0)) {
      observer.onAttempt(origin, 'stream');
      const end = await followStream(origin, context, this.#signal);
      if (end.kind !== 'refused' || options.mode === 'stream') return end;
      observer.onEnd(origin, end);
      this.#streamless.set(origin, clock.monotonic() + options.streamRetryMs);
    }
    const untilMs = options.mode === 'poll' ? Number.POSITIVE_INFINITY : (this.#streamless.get(origin) ?? 0);
    observer.onAttempt(origin, 'poll');
    const end = await followPolls(origin, { ...context, resume: !this.#stale, untilMs }, this.#signal);
    // It has no state either: whatever it is now, it may have both the next time.
    if (end.kind === 'failed') this.#streamless.delete(origin);
    return end;
  }

  #context(): FollowContext {
    return {
      ...this.#parts,
      masters: this.#masters,
      previous: this.#model,
      emit: (event) => this.#emit(event),
      counted: (records) => this.#parts.observer.onEvents(records),
    };
  }

  #emit(event: ClusterEvent): void {
    if (event.kind === 'snapshot') {
      this.#stale = false;
      this.#model = ClusterModel.of(event.state);
    } else if (event.kind === 'delta') for (const change of event.changes) this.#model?.apply(change);
    this.#queue.push(event);
  }

  #tellStale(reason: string): void {
    if (this.#stale) return;
    this.#stale = true;
    this.#emit({ kind: 'stale', since: this.#parts.clock.now(), reason });
  }
}
