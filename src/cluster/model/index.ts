export { ReadMap, sameValue } from './equal.ts';
export { effectOf } from './event.ts';
export type { Effect } from './event.ts';
export { Keyed } from './keyed.ts';
export type { Writable } from './keyed.ts';
export { labelsOf } from './labels.ts';
export { asId as idOf, asList, at, asNumber, asText, isObject, member } from './json.ts';
export { readAgent } from './agent.ts';
export { readFramework } from './framework.ts';
export { ClusterModel, copyOf, diffStates, keepStart, stepsBetween } from './model.ts';
export type { Known } from './model.ts';
export { carryOver, recoveredIds } from './recovered.ts';
export {
  endpointOfPid,
  leaderHostFromV0,
  looksLikeV0State,
  readStateV0,
  readStateV1,
  stateFromV0,
  stateFromV1,
} from './snapshot.ts';
export type { Entities } from './snapshot.ts';
export { readTask } from './task.ts';
export { compactStatus } from './running.ts';
export { makeTask } from './task-value.ts';
export { askedAt, changesOfSummary, keepPid } from './summary.ts';
export type {
  Change,
  ClusterState,
  MasterEndpoint,
  ModelAgent,
  ModelDiscovery,
  ModelFramework,
  ModelPort,
  ModelTask,
  NamedNetwork,
  Read,
  Rejection,
} from './types.ts';
export { taskKey } from './types.ts';
