export { remoteAuthority } from './remote-authority.ts';
export type { TaskAuthority } from './task-authority.ts';
export { createTaskIdentities } from './task-identities.ts';
export { taskPath } from './task-id.ts';
