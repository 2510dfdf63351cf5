export { createCredentials } from './credentials.ts';
export type { Credentials } from './credentials.ts';
