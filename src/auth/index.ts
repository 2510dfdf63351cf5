export { createAuth } from './auth.ts';
export type { Auth } from './auth.ts';
export type { AuthConfig } from './config.ts';
export type { AuthParts } from './module.ts';
export { principalsOf } from './people/principals-only.ts';
export { IdentityKeeper } from './identity/keeper.ts';
