export { LeasingBalancer } from './leasing-balancer.ts';
export { leastConnections, roundRobin } from './strategies.ts';
export type { Strategy } from './strategies.ts';
export type {
  Balancer,
  Eligibility,
  Endpoint,
  EndpointHealth,
  Lease,
  Outcome,
  PickContext,
} from './types.ts';
