export { UpstreamConnection } from './connection.ts';
export type { UpstreamUser } from './connection.ts';
export { UpstreamPool } from './pool.ts';
export type { PoolLimits } from './pool.ts';
