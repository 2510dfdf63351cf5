export { lbConfigSchema } from './config.ts';
export type { LbConfig } from './config.ts';
export { pipeline } from './pipeline.ts';
export { createLoadBalancer } from './load-balancer.ts';
export type { LoadBalancer, LoadBalancerParts } from './load-balancer.ts';
export { reasons } from './reasons.ts';
export type { Reason, ReasonCode } from './reasons.ts';
