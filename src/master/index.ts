export { masterConfigSchema } from './config.ts';
export type { MasterConfig } from './config.ts';
export { createMaster } from './master.ts';
export type { Master, MasterParts } from './master.ts';
