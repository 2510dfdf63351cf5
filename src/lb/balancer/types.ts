/** One reachable instance of a service port. Never changes; a change of the instance makes a new one with the same key. */
export interface Endpoint {
  /** Key of the task: stable as long as the instance lives. */
  readonly key: string;
  readonly taskId: string;
  readonly ip: string;
  readonly port: number;
  readonly phase: 'up' | 'draining' | 'waiting';
  /** Verdict of its own health check; undefined is unknown, which is not unhealthy. */
  readonly healthy: boolean | undefined;
}

/** What became of a request that was sent to an endpoint. */
export type Outcome =
  | { readonly kind: 'response'; readonly status: number }
  /** It refused, reset, timed out or answered nonsense. */
  | { readonly kind: 'failed' }
  /** Our side or the client gave up: says nothing about the endpoint. */
  | { readonly kind: 'cancelled' };

/** The right to send one request to an endpoint, counted until it is settled. */
export interface Lease {
  readonly endpoint: Endpoint;
  /** Exactly once. */
  settle(outcome: Outcome, now: number): void;
}

export interface PickContext {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Keys of endpoints that this request has been tried on: they are not picked again. */
  readonly tried: readonly string[];
}

/** Why an endpoint would or would not be picked now. */
export type Eligibility = 'eligible' | 'draining' | 'waiting' | 'unhealthy' | 'ejected' | 'tried';

/** Chooses endpoints of one service port. */
export interface Balancer {
  /** An endpoint for one request; undefined when none takes requests. */
  pick(ctx: PickContext): Lease | undefined;
  /** What `pick` would choose, without choosing it. */
  peek(ctx: PickContext): Endpoint | undefined;
  /** The endpoints as they are now. Requests that run go on, also to endpoints that are gone. */
  update(endpoints: readonly Endpoint[]): void;
  /** Every endpoint with its running requests and whether it would be picked. */
  inspect(ctx: PickContext): readonly {
    readonly endpoint: Endpoint;
    readonly inFlight: number;
    readonly eligibility: Eligibility;
  }[];
}

/** What passive health tells and hears. */
export interface EndpointHealth {
  ejected(key: string, now: number): boolean;
  record(key: string, outcome: Outcome, now: number): void;
  /** The endpoints that exist; the others are forgotten. */
  retain(keys: ReadonlySet<string>): void;
}
