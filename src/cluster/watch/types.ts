import type { Change, ClusterState } from '../model/index.ts';

/**
 * What the watch tells, in order and without gaps: a delta follows on the state that came before it; where one would
 * not, a fresh snapshot comes instead. After `stale` the last state still holds until the next snapshot.
 */
export type ClusterEvent =
  | {
      readonly kind: 'snapshot';
      readonly state: ClusterState;
      /** Set when no master gave it: it was kept by an earlier life, and held then. Wall clock, milliseconds. */
      readonly keptAsOfMs?: number;
    }
  | { readonly kind: 'delta'; readonly changes: readonly Change[] }
  /** Told when an outage begins, and again with the same `since` (wall clock, milliseconds) when its reason is another. */
  | { readonly kind: 'stale'; readonly since: number; readonly reason: string };

export interface ClusterWatcher {
  /** Follow the cluster until `signal` aborts. Never ends or throws for any other reason. */
  events(signal: AbortSignal): AsyncIterable<ClusterEvent>;
}

export interface WatchOptions {
  /** `host:port` or URLs, in order of preference; see `masterOrigin`. */
  readonly masters: readonly string[];
  /** `auto`: the event stream, and polling where a master has none. */
  readonly mode: 'auto' | 'stream' | 'poll';
  /** Scheme for masters given without one. */
  readonly https: boolean;
  /** Between two polls. */
  readonly refreshMs: number;
  /** For one whole state document. */
  readonly stateTimeoutMs: number;
  /** A stream that is silent for this many heartbeat intervals is lost. */
  readonly heartbeatLossFactor: number;
  /** Beside a stream, how often `/state-summary` is looked at for what the stream does not tell. */
  readonly auditMs: number;
  /** While polling as a fallback, how often the stream is tried again. */
  readonly streamRetryMs: number;
  /** Headers that prove who we are (`authorization`) to the owner of a URL, asked for before each request. */
  readonly credentials?: (url: string) => Promise<Readonly<Record<string, string>>>;
  /** They were refused with 401: whether asking for them again may give better ones. */
  readonly renewCredentials?: () => boolean;
}

/** How following one master ended. */
export type FollowEnd =
  | { readonly kind: 'aborted' }
  /** Another master leads. */
  | { readonly kind: 'redirect'; readonly to: string }
  /** There is no event stream here. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Never got a state from it. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Followed it, and lost it; `silent` when it just said nothing any more. */
  | { readonly kind: 'lost'; readonly reason: string; readonly livedMs: number; readonly silent: boolean }
  /** Polling goes well; time to see whether the stream works by now. */
  | { readonly kind: 'retry-stream' };

/** What happened inside the watch, for logs and metrics. */
export interface WatchObserver {
  onAttempt(master: string, mode: 'stream' | 'poll'): void;
  onEnd(master: string, end: FollowEnd): void;
  onEvents(count: number): void;
}
