export { FollowedAuth } from './followed-auth.ts';
