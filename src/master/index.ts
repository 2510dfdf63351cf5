export type { MasterConfig } from './config.ts';
export { createMaster } from './master.ts';
export type { LeadingMaster, Master, MasterParts } from './master.ts';
