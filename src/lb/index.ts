export { lbConfigSchema } from './config.ts';
export type { LbConfig } from './config.ts';
export { createLoadBalancer } from './load-balancer.ts';
export type { LoadBalancer, LoadBalancerParts } from './load-balancer.ts';
