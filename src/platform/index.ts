export { processMemory } from './process-memory.ts';
export { processOutput } from './output.ts';
export { processMachine } from './run/upgrade/machine.ts';
export { main } from './cli/main.ts';
export type { World } from './world.ts';
export { processSecrets } from './secrets.ts';
