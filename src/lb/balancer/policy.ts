import type { CheckPolicy } from '../health/checks/policy.ts';
import type { UpstreamTlsPolicy } from './upstream-tls-policy.ts';

/** How an endpoint is chosen for a request. `p2c` is the default. */
export type BalanceMethod = 'roundrobin' | 'leastconn' | 'p2c' | 'random' | 'ringhash';

/** What a ring hash is taken of. */
export type HashSource =
  | { readonly of: 'client' }
  | { readonly of: 'path' }
  | { readonly of: 'header' | 'cookie'; readonly name: string };

/** A cookie that brings a client back to its instance, as long as that one takes requests. */
export interface StickyPolicy {
  readonly cookie: string;
  /** Absent: a session cookie. */
  readonly maxAgeSeconds?: number;
}

/**
 * Most that one endpoint gets at a time, from one plane; absent means no limit. What is over goes to another endpoint;
 * when all are full it is answered with 503 at once.
 */
export interface BreakerPolicy {
  readonly connections?: number;
  /** Requests that wait for one of `connections`; absent is none. */
  readonly pending?: number;
  readonly requests?: number;
}

/** How instances are spoken to. */
export interface UpstreamPolicy {
  readonly protocol: 'http1' | 'h2';
  readonly tls?: UpstreamTlsPolicy;
}

/** How requests are spread over the instances of a service port, and what guards them. Plain data. */
export interface BackendPolicy {
  readonly balance: BalanceMethod;
  readonly hash?: HashSource;
  readonly sticky?: StickyPolicy;
  readonly breakers?: BreakerPolicy;
  /** A newcomer gets its full share only after this long; 0: at once. */
  readonly slowStartMs?: number;
  /** What runs on an instance that leaves is cut after this long; absent: TCP to one that is gone after `timeouts.drainMs`, else never. */
  readonly drainMs?: number;
  readonly upstream?: UpstreamPolicy;
  /** Active check, run once for all planes by the main thread; absent is none. */
  readonly check?: CheckPolicy;
  /** Below this share of usable endpoints requests go to all that are up; absent is a half, 0 is never. */
  readonly panicBelow?: number;
}

/** Most requests that one endpoint has at a time, in HTTP/1.1 where each takes a connection or waits for one. */
export function mostRequests(breakers: BreakerPolicy | undefined): number {
  const { connections = Number.POSITIVE_INFINITY, pending = 0, requests } = breakers ?? {};
  return Math.min(requests ?? Number.POSITIVE_INFINITY, connections + pending);
}
