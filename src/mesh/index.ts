export { createMesh } from './mesh.ts';
export type { Mesh, MeshParts } from './mesh.ts';
export type { MeshConfig } from './config.ts';
export type { FollowServices } from './services.ts';
