import type { May } from '../../core/access.ts';
import type { ApiRequest } from '../../core/http/server.ts';
import type { MasterInfo } from '../../mesos/index.ts';

/** What the APIs tell of the master itself; read when asked. */
export interface MasterFacts {
  readonly version: Readonly<Record<string, string | number>>;
  /** Seconds since the epoch. */
  readonly startTime: number;
  readonly electedTime: number;
  readonly cluster: string | undefined;
  readonly maxOperatorSubscribers: number;
  /** What whoever sent the request may do. */
  mayOf(request: ApiRequest): May;
  /** Who leads, as far as is known. */
  leader(): MasterInfo | undefined;
  flags(): Record<string, string>;
  metrics(): Record<string, number>;
}
