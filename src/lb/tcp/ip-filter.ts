import { trustedPeers } from '../forward/index.ts';
import type { Middleware } from '../router/middleware.ts';
import type { Route } from '../router/index.ts';

type Test = (ip: string) => boolean;

/** Made with the first connection of a route; a route that changes is another object. */
const made = new WeakMap<Middleware, Test>();

/** Whether this address may connect by this route: `ipFilter` is the one middleware that TCP routes have. */
export function mayConnect({ middlewares }: Route, ip: string): boolean {
  return middlewares.every((middleware) => testOf(middleware)(ip));
}

function testOf(middleware: Middleware): Test {
  let test = made.get(middleware);
  if (test === undefined) made.set(middleware, (test = makeTest(middleware)));
  return test;
}

/** What is not known here was to keep somebody out, for all that we know: nobody comes in. */
function makeTest(middleware: Middleware): Test {
  if (middleware.kind !== 'ipFilter') return () => false;
  const denied = trustedPeers(middleware.deny ?? []);
  const allowed = middleware.allow === undefined ? () => true : trustedPeers(middleware.allow);
  return (ip) => !denied(ip) && allowed(ip);
}
