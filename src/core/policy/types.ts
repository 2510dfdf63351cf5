import type { PreviewingAuthorizer } from '../access.ts';
import type { Unsubscribe } from '../subscribers.ts';

export type Effect = 'allow' | 'deny';

/** *Who may do what on which*, in the words it was written in. Plain data: it crosses threads and goes into stores as it is. */
export interface Rule {
  /** Unique in its policy. */
  readonly name: string;
  readonly effect: Effect;
  /** `anyone`, `authenticated`, `anonymous`, `user:`, `group:`, `service:` or `principal:` with a pattern, a pattern of SPIFFE ids, or `net:` with a network. */
  readonly who: readonly string[];
  /** Actions, or families such as `view_*`. */
  readonly may: readonly string[];
  /** Patterns of objects; absent: whatever it is, also nothing. */
  readonly on?: readonly string[];
  /** Of HTTP calls; absent: any. */
  readonly methods?: readonly string[];
  /** Patterns of paths of HTTP calls; absent: any. */
  readonly paths?: readonly string[];
}

/** Ordered rules: the first that fits a request decides, else `default`. */
export interface Policy {
  /** Rises with each change. */
  readonly version: number;
  readonly default: Effect;
  readonly rules: readonly Rule[];
}

/** A policy that changes, for those who keep a part of it themselves. */
export interface PolicySource {
  /** What it says of one action. Undefined: everybody may, there is nothing to ask. */
  part(action: string): Policy | undefined;
  onChange(listener: () => void): Unsubscribe;
}

/** The policy that is in force, to be asked about anything. */
export interface LivePolicy extends PolicySource, PreviewingAuthorizer {}
