export { Chains } from './chain.ts';
export type { Chain, Refused, StepTrace } from './chain.ts';
export { forwardedClient, forwardedSecurely } from './client-address.ts';
export type { Passage, ResponseChanges } from './passage.ts';
export { tiedTarget, tieTo } from './tie.ts';
export type { Held, Refusal, Visit } from './types.ts';
export { bucketMemory } from './token-buckets.ts';
export { Verifier } from './verifier.ts';
