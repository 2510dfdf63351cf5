export { UpstreamConnection } from './connection.ts';
export type { Connector, UpstreamUser } from './connection.ts';
export { UpstreamPool } from './pool.ts';
export type { PoolLimits, PoolWaiter } from './pool.ts';
export { SecureConnector } from './secure-connector.ts';
