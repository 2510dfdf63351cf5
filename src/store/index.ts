export type * from './types.ts';
export { openEmbeddedStore } from './embedded/open.ts';
export type { EmbeddedStore } from './embedded/open.ts';
export { LeaderElection } from './leader-election.ts';
export type { LeadsAlong, Standing } from './leader-election.ts';
export { memoryStore } from './memory/memory-store.ts';
export { openConsulStore } from './consul/store.ts';
