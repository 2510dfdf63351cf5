export { PolicyKeeper } from './keeper.ts';
export type { PolicyKeeperParts } from './keeper.ts';
