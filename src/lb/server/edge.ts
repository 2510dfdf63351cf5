import type { SecureFacts } from '../../net/index.ts';
import type { LbConfig } from '../config.ts';
import type {
  Admission,
  Admitted,
  Backend,
  ClientFacts,
  ForwardContext,
  IsTrusted,
} from '../forward/index.ts';
import type { Held, Refusal } from '../middleware/index.ts';
import type { RequestParser } from '../http1/index.ts';
import type { ReasonCode } from '../reasons.ts';

/** Where a request goes, or why it goes nowhere. */
export type Routed =
  | { readonly backend: Backend }
  | Refusal
  /** It has to wait for something, and is then routed again. */
  | Held;

/** The load balancer as one of its client connections sees it. */
export interface Edge {
  readonly config: LbConfig;
  readonly forward: ForwardContext;
  readonly admission: Admission;
  /** Holds one head for the length of one call. */
  readonly requests: RequestParser;
  readonly isTrusted: IsTrusted;
  /** What is said of a client for what was agreed on in TLS. */
  secureFacts(session: SecureFacts): Pick<ClientFacts, 'tls' | 'peer' | 'certificate'>;
  /** Monotonic milliseconds. */
  now(): number;
  /**
   * `request` was admitted from what `requests` holds now; `listener` is the name of the one that it came by. Notes in the
   * request what it has found. `resumed`: the request was held, and comes again.
   */
  route(request: Admitted, listener: string, client: ClientFacts, resumed: boolean): Routed;
  countOwnAnswer(reason: ReasonCode, client: string): void;
}
