export type * from './types.ts';
export { openEmbeddedStore } from './embedded/open.ts';
export type { EmbeddedStore } from './embedded/open.ts';
export { memoryStore } from './memory/memory-store.ts';
