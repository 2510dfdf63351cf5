export { addressesOf } from './config.ts';
export { MarathonFollower } from './follower.ts';
export type { MarathonView } from './follower.ts';
export type { MarathonNews } from './known.ts';
