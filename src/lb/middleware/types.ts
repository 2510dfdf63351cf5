import type { Admitted } from '../forward/index.ts';
import type { RequestParser } from '../http1/index.ts';
import type { ReasonCode } from '../reasons.ts';
import type { BucketMemory } from './token-buckets.ts';

/** One request on its way through the middlewares of its route. Valid for the length of one call. */
export interface Visit {
  readonly head: RequestParser;
  /** Rewrites change its `target`. */
  readonly request: Admitted;
  /** The client: the peer, or whom a trusted proxy before us names. */
  readonly client: string;
  /** The client speaks TLS, with us or with a trusted proxy before us. */
  readonly secure: boolean;
  /** Monotonic milliseconds. */
  readonly now: number;
  /** It was held and comes again: it has been counted. */
  readonly resumed: boolean;
}

/** The request goes no further. */
export interface Refusal {
  readonly reason: ReasonCode;
  /** Instead of the reason's own. */
  readonly status?: number;
  /** Header fields of the answer, each line with CRLF. */
  readonly fields?: string;
  readonly detail?: string;
  /** The whole body, instead of what tells the reason. */
  readonly body?: string;
}

/** The request has to wait: `hold` gets what brings it back, with `resumed`. */
export interface Held {
  readonly hold: (resume: () => void) => void;
}

/** One middleware at work on requests; what only changes header fields is compiled into a `Passage` instead. */
export interface Step {
  /** Undefined: it goes on. */
  check(visit: Visit): Refusal | Held | undefined;
  /** As `check`, without any effect but on `target`: for explanations. A text: what would be found out then. */
  peek(visit: Visit): Refusal | string | undefined;
}

/** What the middlewares of all routes of a plane share. */
export interface MiddlewareParts {
  readonly verifier: VerifyPasswords;
  /** Rates are limited for all planes together; `aheadMs` is by how much the clock that they share is ahead of ours. */
  readonly rates: { readonly memory: BucketMemory; readonly aheadMs: number };
}

export interface VerifyPasswords {
  /** What is known of this password; undefined: it has to be worked out. */
  known(hash: string, password: string): boolean | undefined;
  /** Work it out, then call back; false: too many wait. */
  verify(hash: string, password: string, done: () => void): boolean;
}
