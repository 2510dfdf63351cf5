import { AsyncQueue } from '../../core/async-queue.ts';
import { Backoff } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { sleep } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { Random } from '../../core/random.ts';
import { restEvery } from '../../core/slices.ts';
import type { Rest } from '../../core/slices.ts';
import { MasterDirectory } from '../detect/index.ts';
import type { DirectoryView } from '../detect/index.ts';
import { ClusterModel, sameValue } from '../model/index.ts';
import type { ClusterState, MasterEndpoint } from '../model/index.ts';
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
  /** Runs a function when the event loop has gone round; setImmediate. */
  readonly later?: (f: () => void) => void;
  /** Who the masters are, while that may change; without it the configured ones. */
  readonly directory?: MasterDirectory;
  /** What was known in an earlier life; asked for once, when no master has given a state. Never rejects. */
  readonly lastKnown?: (signal: AbortSignal) => Promise<LastKnown | undefined>;
}

export interface LastKnown {
  readonly state: ClusterState;
  /** Wall clock, milliseconds: when it held. */
  readonly asOfMs: number;
  /** Said before the reason of the outage. */
  readonly reason: string;
}

/** Masters that were found to lead are followed through at most this many redirects. */
const MAX_REDIRECTS = 5;
/** A connection that lived this long was a good one: the next wait is a short one again. */
const GOOD_MS = 5_000;
/** So long a master may take to give the first state before the one of an earlier life is used. */
const LAST_KNOWN_AFTER_MS = 1_500;
/** So long at a time a large state is worked on. */
const SLICE_MS = 2;
const NO_ANSWER = 'no master has answered yet';

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
  readonly #directory: MasterDirectory;
  readonly #rest: Rest;
  #masters: readonly MasterEndpoint[] = [];
  /** The last known state, kept level with everything that was told. */
  #model: ClusterModel | undefined;
  #outage: { readonly since: number; readonly reason: string } | undefined;
  /** What is said about a state that comes from an earlier life, as long as it is in use. */
  #keptReason = '';
  /** Where the leader was last found: asked first, or last when it fell silent. */
  #leader: { readonly origin: string; readonly silent: boolean } | undefined;
  /** Who is asked or followed just now; undefined while waiting for the next try. */
  #at: string | undefined;
  /** Ends what is under way, be it following or waiting, when there is a better idea. */
  #step = new AbortController();
  /** Origins without an event stream, and when (monotonic) to try again. */
  readonly #streamless = new Map<string, number>();
  #lastKnownAsked = false;

  constructor(parts: WatcherParts, queue: AsyncQueue<ClusterEvent>, signal: AbortSignal) {
    this.#parts = parts;
    this.#queue = queue;
    this.#signal = signal;
    this.#rest = restEvery(SLICE_MS, parts.clock, parts.later ?? setImmediate);
    this.#directory = parts.directory ?? new MasterDirectory(parts.options.masters, parts.options.https);
    this.#masters = endpointsOf(this.#directory.view);
    signal.addEventListener('abort', () => this.#step.abort(), { once: true });
  }

  async loop(): Promise<void> {
    const { clock, random } = this.#parts;
    const backoff = new Backoff(random, { firstMs: 100, maxMs: 5_000, jitter: 0.25 });
    let leader = this.#directory.view.leader;
    const forget = this.#directory.onChange((view) => {
      this.#takeMasters(endpointsOf(view));
      const another = view.leader !== undefined && view.leader !== leader && view.leader !== this.#at;
      leader = view.leader;
      if (another) this.#leader = undefined;
      else if (this.#at !== undefined) return;
      backoff.reset();
      this.#step.abort();
    });
    const late = this.#parts.lastKnown
      ? clock.after(LAST_KNOWN_AFTER_MS, () => void this.#useLastKnown(NO_ANSWER))
      : undefined;
    while (!this.#signal.aborted) {
      this.#step = new AbortController();
      const round = await this.#round();
      if (this.#signal.aborted) break;
      if (round === 'again') continue;
      this.#tellStale(round.reason);
      if (round.livedMs >= GOOD_MS) backoff.reset();
      this.#at = undefined;
      await sleep(clock, backoff.next(), this.#step.signal);
    }
    late?.cancel();
    forget();
  }

  /** Try the last leader and every master, until one could be followed. */
  async #round(): Promise<'again' | { readonly reason: string; readonly livedMs: number }> {
    const leader = this.#leader;
    const others = this.#directory.view.candidates.filter((o) => o !== leader?.origin);
    const candidates = leader
      ? leader.silent
        ? [...others, leader.origin]
        : [leader.origin, ...others]
      : others;
    const { problem } = this.#directory;
    let reason = problem === undefined ? 'no master is known' : `no master is known: ${problem}`;
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
    this.#at = origin;
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
      const end = await followStream(origin, context, this.#step.signal);
      if (end.kind !== 'refused' || options.mode === 'stream') return end;
      observer.onEnd(origin, end);
      this.#streamless.set(origin, clock.monotonic() + options.streamRetryMs);
    }
    const untilMs = options.mode === 'poll' ? Number.POSITIVE_INFINITY : (this.#streamless.get(origin) ?? 0);
    observer.onAttempt(origin, 'poll');
    const resume = this.#outage === undefined;
    const end = await followPolls(origin, { ...context, resume, untilMs }, this.#step.signal);
    // It has no state either: whatever it is now, it may have both the next time.
    if (end.kind === 'failed') this.#streamless.delete(origin);
    return end;
  }

  #context(): FollowContext {
    return {
      ...this.#parts,
      masters: this.#masters,
      previous: this.#model,
      rest: this.#rest,
      emit: (event, model) => this.#emit(event, model),
      counted: (records) => this.#parts.observer.onEvents(records),
    };
  }

  /** `model`: that of who follows; it is kept level there, so no other one is needed here. */
  #emit(event: ClusterEvent, model?: ClusterModel): void {
    if (event.kind === 'snapshot') {
      this.#outage = undefined;
      this.#keptReason = '';
      const state = { ...event.state, masters: this.#masters };
      this.#model = model ?? ClusterModel.of(state);
      this.#model.masters = this.#masters;
      this.#queue.push({ kind: 'snapshot', state });
      return;
    }
    if (event.kind === 'delta') for (const change of event.changes) this.#model?.apply(change);
    this.#queue.push(event);
  }

  /** Other masters are news by themselves, but while nobody can be followed they wait for the next snapshot. */
  #takeMasters(masters: readonly MasterEndpoint[]): void {
    if (sameValue(masters, this.#masters)) return;
    this.#masters = masters;
    if (this.#model && !this.#outage)
      this.#emit({ kind: 'delta', changes: [{ kind: 'masters', value: masters }] });
  }

  /** The begin of an outage, and each time when there is another reason for it. */
  #tellStale(reason: string): void {
    const since = this.#outage?.since ?? this.#parts.clock.now();
    if (this.#outage?.reason === reason) return;
    this.#outage = { since, reason };
    this.#emit({ kind: 'stale', since, reason: `${this.#keptReason}${reason}` });
    void this.#useLastKnown(reason);
  }

  async #useLastKnown(reason: string): Promise<void> {
    if (this.#model || this.#lastKnownAsked || this.#signal.aborted) return;
    this.#lastKnownAsked = true;
    const kept = await this.#parts.lastKnown?.(this.#signal);
    // A master may have been faster.
    if (!kept || this.#model || this.#signal.aborted) return;
    this.#model = ClusterModel.of({ ...kept.state, masters: this.#masters });
    this.#keptReason = `${kept.reason}; `;
    const { asOfMs } = kept;
    this.#outage = { since: asOfMs, reason: this.#outage?.reason ?? reason };
    const state = { ...kept.state, masters: this.#masters };
    this.#queue.push({ kind: 'snapshot', state, keptAsOfMs: asOfMs });
    this.#queue.push({ kind: 'stale', since: asOfMs, reason: `${this.#keptReason}${this.#outage.reason}` });
  }
}

function endpointsOf(view: DirectoryView): MasterEndpoint[] {
  return view.masters.map(endpointOfOrigin).filter((e) => e !== undefined);
}
