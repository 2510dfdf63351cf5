export { createMarathon } from './marathon/index.ts';
export type { MarathonConfig, MarathonParts } from './marathon/index.ts';
