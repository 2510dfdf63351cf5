export { createAgent } from './agent.ts';
export type { AgentParts } from './agent.ts';
export { agentConfigSchema } from './config.ts';
export type { AgentConfig } from './config.ts';
