/** What the APIs tell of the master itself; read when asked. */
export interface MasterFacts {
  readonly version: Readonly<Record<string, string | number>>;
  /** Seconds since the epoch. */
  readonly startTime: number;
  readonly electedTime: number;
  readonly cluster: string | undefined;
  readonly maxOperatorSubscribers: number;
  flags(): Record<string, string>;
  metrics(): Record<string, number>;
}
