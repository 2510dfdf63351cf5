/** One reachable instance of a service port. Never changes; a change of the instance makes a new one with the same key. */
export interface Endpoint {
  /** Key of the task: stable as long as the instance lives. */
  readonly key: string;
  readonly taskId: string;
  readonly ip: string;
  readonly port: number;
  readonly phase: 'up' | 'draining' | 'waiting';
  /** Verdict of its health checks; undefined is unknown, which is not unhealthy. */
  readonly healthy: boolean | undefined;
  /** An active check is configured and has no result yet: takes requests only when nobody has one. */
  readonly unproven?: boolean;
  /** Its share relative to the others; absent is 1. With 0 it gets nothing new but clients that stick to it. */
  readonly weight?: number;
  /** Fault domain, `<region>/<zone>`; absent is unknown. */
  readonly zone?: string;
  /** When it was first seen up, milliseconds since the epoch; absent: when the balancer first saw it. */
  readonly firstUpAt?: number;
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
  /** What brings a client back to this endpoint; empty where clients do not stick. */
  readonly stickyKey: string;
  /** The answer begins: how long that took is the endpoint's latency. */
  began(now: number): void;
  /** Exactly once; throws when it was settled before. */
  settle(outcome: Outcome, now: number): void;
}

/** What a pick depends on. An exchange is one itself, so that asking allocates nothing. */
export interface PickContext {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Keys of endpoints that this request has been tried on: they are not picked again. */
  readonly tried: readonly string[];
  /** For a ring hash: 32 bits made by `hashText`; undefined: the request has nothing to take a hash of. */
  readonly hashKey?: number | undefined;
  /** The key that a client brought back. */
  readonly stickyKey?: string | undefined;
  /** The fault domain to prefer. */
  readonly zone?: string | undefined;
}

/** Why an endpoint would or would not be picked now. */
export type Eligibility =
  | 'eligible'
  | 'draining'
  | 'waiting'
  | 'unhealthy'
  | 'unproven'
  | 'ejected'
  | 'full'
  | 'weightless'
  | 'tried';

/** One endpoint as its balancer sees it. */
export interface EndpointView {
  readonly endpoint: Endpoint;
  readonly inFlight: number;
  readonly eligibility: Eligibility;
  /** Moving average of the time to the first byte, milliseconds; undefined before the first answer. */
  readonly latencyMs: number | undefined;
  /** Its weight now: less than the configured one while it starts slowly. */
  readonly share: number;
}

/** How many take part. */
export interface BalancerState {
  /** Up, and proven where there is an active check. */
  readonly up: number;
  /** Of these, neither unhealthy nor ejected. */
  readonly usable: number;
  /** Too few are usable: requests go to all that are up. */
  readonly panicking: boolean;
}

/** What has changed among the endpoints of a service port. */
export interface EndpointChange {
  /** By key. */
  readonly gone: readonly string[];
  /** New ones, and those that are different now, with the key they had. */
  readonly come: readonly Endpoint[];
  /** This is the beginning of one large change, and is only picked from when all of it is there. */
  readonly more?: boolean;
}

/** Chooses endpoints of one service port. */
export interface Balancer {
  /** An endpoint for one request; undefined when none takes requests. Costs the same for ten endpoints as for ten thousand. */
  pick(ctx: PickContext): Lease | undefined;
  /** Why the last pick or peek came to nothing: endpoints were there, and all had as many requests as they take. */
  readonly overflowed: boolean;
  /** What `pick` would choose, without choosing it. */
  peek(ctx: PickContext): Endpoint | undefined;
  /** The endpoints as they are now. Requests that run go on, also to endpoints that are gone. */
  update(endpoints: readonly Endpoint[]): void;
  /** The same, told by what has changed. */
  change(change: EndpointChange): void;
  /** Every endpoint with its running requests and whether it would be picked. */
  inspect(ctx: PickContext): readonly EndpointView[];
  state(now: number): BalancerState;
}

/** What passive health keeps of one endpoint; the balancer holds on to it, so that asking costs one comparison. */
export interface HealthState {
  /** Monotonic milliseconds; it is left out before that. */
  readonly ejectedUntil: number;
  record(outcome: Outcome, now: number): void;
}

/** What passive health tells of the endpoints of one backend. */
export interface EndpointHealth {
  /** Rises with every ejection. */
  readonly changes: number;
  /** When the next ejection ends, monotonic milliseconds; infinite when nobody is left out. */
  nextReturn(now: number): number;
  /** The state of an endpoint, made when it is new. */
  stateOf(key: string): HealthState;
  /** The endpoint is gone; what is still recorded of it has no effect. */
  forget(key: string): void;
}
