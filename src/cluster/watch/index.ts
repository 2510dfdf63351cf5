export type * from './types.ts';
export { createWatcher } from './watcher.ts';
export type { WatcherParts } from './watcher.ts';
