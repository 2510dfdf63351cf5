export { parseZooKeeperUrl } from './address.ts';
export type { ZooKeeperAddress } from './address.ts';
export { ZooKeeperClient } from './client.ts';
export type { ZooKeeperListener } from './client.ts';
export { dialTcp } from './dial.ts';
export type { Dial } from './dial.ts';
