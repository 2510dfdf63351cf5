export type * from './catalog/types.ts';
export { createCatalogBuilder } from './catalog/index.ts';
export type { CatalogBuilder, CatalogInput, CatalogStep } from './catalog/index.ts';
export { createCluster } from './cluster.ts';
export type { ClusterParts } from './cluster.ts';
export { clusterConfigSchema } from './config.ts';
export type { ClusterConfig } from './config.ts';
export { stateFromV0, stateFromV1 } from './model/index.ts';
export type { Change, ClusterState } from './model/index.ts';
