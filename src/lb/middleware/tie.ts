import { hashText } from '../balancer/index.ts';
import type { Route, Target } from '../router/index.ts';

/** Name of the cookie that ties a client to a target, next to the one that ties it to an instance. */
const nameOf = (cookie: string): string => `${cookie}_target`;

const keyOf = (target: Target): string => hashText(target.backendKey).toString(36);

/**
 * The target that the cookie of a client names, if it still gets requests: one whose weight went to 0 lets its clients go. Where
 * instances of a route with several targets are sticky, clients must stick to the target first.
 */
export function tiedTarget(
  route: Route,
  cookie: string,
  read: (name: string) => string | undefined,
): Target | undefined {
  const value = read(nameOf(cookie));
  return value === undefined
    ? undefined
    : route.targets.find((target) => target.weight > 0 && keyOf(target) === value);
}

/** The Set-Cookie line that ties a client to its target. */
export function tieTo(target: Target, cookie: string, maxAgeSeconds: number | undefined): string {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  return `Set-Cookie: ${nameOf(cookie)}=${keyOf(target)}; Path=/${age}; HttpOnly\r\nCache-Control: private\r\n`;
}
