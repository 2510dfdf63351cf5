import type { Peer } from '../../../net/index.ts';
import type { CheckPolicy } from './policy.ts';

/** What one check has found; `reason` is for people. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly reason: string;
}

/**
 * Asks an endpoint once. `done` is called once, within the policy's timeout and never before this returns; after the
 * returned function was called, not at all.
 */
export type Probe = (to: Peer, policy: CheckPolicy, done: (result: ProbeResult) => void) => () => void;

/** How each kind of check is asked. Policies of a kind that is missing are not carried out. */
export interface Probes {
  readonly http: Probe;
  readonly tcp: Probe;
  /** Needs an HTTP/2 client. */
  readonly grpc?: Probe;
}
