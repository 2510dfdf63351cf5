export { main } from './cli/main.ts';
export type { World } from './world.ts';
