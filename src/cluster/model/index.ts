export { sameValue } from './equal.ts';
export { effectOf } from './event.ts';
export type { Effect } from './event.ts';
export { asId as idOf, at, asNumber, asText, isObject, member } from './json.ts';
export { ClusterModel, diffStates, keepStart } from './model.ts';
export { carryOver, recoveredIds } from './recovered.ts';
export { endpointOfPid, leaderFromV0, looksLikeV0State, stateFromV0, stateFromV1 } from './snapshot.ts';
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
  Rejection,
} from './types.ts';
export { taskKey } from './types.ts';
