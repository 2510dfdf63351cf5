import type { LbConfig } from '../config.ts';
import type { Admission, Admitted, Backend, ForwardContext, IsTrusted } from '../forward/index.ts';
import type { RequestParser } from '../http1/index.ts';
import type { ReasonCode } from '../reasons.ts';

/** Where a request goes, or why it goes nowhere. */
export type Routed =
  | { readonly backend: Backend }
  | { readonly reason: ReasonCode; readonly detail: string | undefined };

/** The load balancer as one of its client connections sees it. */
export interface Edge {
  readonly config: LbConfig;
  readonly forward: ForwardContext;
  readonly admission: Admission;
  /** Holds one head for the length of one call. */
  readonly requests: RequestParser;
  readonly isTrusted: IsTrusted;
  /** Monotonic milliseconds. */
  now(): number;
  route(request: Admitted): Routed;
  countOwnAnswer(reason: ReasonCode, client: string): void;
}
