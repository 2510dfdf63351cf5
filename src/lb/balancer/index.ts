export { hashText } from './hash.ts';
export { answered } from './outcome.ts';
export { LazyBalancer } from './lazy-balancer.ts';
export { LeasingBalancer } from './leasing-balancer.ts';
export type { BalancerParts } from './leasing-balancer.ts';
export type * from './policy.ts';
export type * from './types.ts';
