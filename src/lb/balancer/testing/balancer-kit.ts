import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { LeasingBalancer } from '../leasing-balancer.ts';
import type { BackendPolicy } from '../policy.ts';
import type { Endpoint, EndpointHealth, HealthState, Lease, PickContext } from '../types.ts';

export const OK = { kind: 'response', status: 200 } as const;
export const FAILED = { kind: 'failed' } as const;
export const fresh: PickContext = { now: 0, tried: [] };

export const endpoint = (n: number, given: Partial<Endpoint> = {}): Endpoint => ({
  key: `t${n}`,
  taskId: `t${n}`,
  ip: '10.0.0.1',
  port: n,
  phase: 'up',
  healthy: undefined,
  ...given,
});
export const many = (n: number, given: Partial<Endpoint> = {}): Endpoint[] =>
  Array.from({ length: n }, (_, i) => endpoint(i, given));

/** Health that a test decides: `ejected` says until when each is left out. */
export function fakeHealth(
  ejected: Readonly<Record<string, number>> = {},
): EndpointHealth & { readonly recorded: string[] } {
  const recorded: string[] = [];
  return {
    recorded,
    changes: 0,
    nextReturn: (now) => Math.min(...Object.values(ejected).filter((end) => end > now)),
    stateOf: (key): HealthState => ({
      ejectedUntil: ejected[key] ?? 0,
      record: (outcome) => void recorded.push(`${key} ${outcome.kind}`),
    }),
    forget: () => {},
  };
}

export function balancerOf(
  policy: BackendPolicy,
  endpoints: readonly Endpoint[] = [],
  clock = new FakeClock(0),
  health: EndpointHealth = fakeHealth(),
): LeasingBalancer {
  const balancer = new LeasingBalancer({ policy, health, clock, seed: 5 });
  if (endpoints.length > 0) balancer.update(endpoints);
  return balancer;
}

/** How often each was named. */
export function shares(keys: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

export interface Simulation {
  readonly requests: number;
  /** Requests that arrive per millisecond. */
  readonly perMs: number;
  /** Milliseconds that a request takes there. */
  readonly takes: (key: string) => number;
  readonly ctx?: (i: number) => Partial<PickContext>;
}

/** Requests over simulated time: each is answered when its endpoint has taken as long as it takes. */
export function simulate(balancer: LeasingBalancer, simulation: Simulation): Map<string, number> {
  const { requests, perMs, takes } = simulation;
  const counts = new Map<string, number>();
  const running: { readonly at: number; readonly lease: Lease }[] = [];
  for (let i = 0; i < requests; i++) {
    const now = i / perMs;
    for (let r = running.length - 1; r >= 0; r--) {
      const one = running[r];
      if (one === undefined || one.at > now) continue;
      one.lease.settle(OK, one.at);
      running.splice(r, 1);
    }
    const lease = balancer.pick({ now, tried: [], ...simulation.ctx?.(i) });
    if (lease === undefined) continue;
    const { key } = lease.endpoint;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    running.push({ at: now + takes(key), lease });
  }
  for (const { lease, at } of running) lease.settle(OK, at);
  return counts;
}
