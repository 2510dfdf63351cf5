export { JoinedIdentity } from './joined.ts';
