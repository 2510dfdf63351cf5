export { rulesConfigShape } from './config.ts';
export type { RulesConfig } from './config.ts';
export { readConfigured } from './configured.ts';
export type { Configured } from './configured.ts';
export { serviceReader } from './reader.ts';
export { executable } from './executed.ts';
export { withoutPorts } from './without-ports.ts';
