export type * from './types.ts';
export { createWatcher } from './watcher.ts';
export type { LastKnown, WatcherParts } from './watcher.ts';
