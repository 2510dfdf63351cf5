export * from './agent-protocol.ts';
export * from './ids.ts';
export * from './master-address.ts';
export * from './pid.ts';
export * from './recordio.ts';
export * from './resources/index.ts';
export * from './task-state.ts';
export * from './types.ts';
