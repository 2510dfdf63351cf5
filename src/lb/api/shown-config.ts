import type { LbConfig } from '../config.ts';

const COVER = '********';

/** The settings in effect, with the hashes of passwords covered. */
export function shownConfig(config: LbConfig): unknown {
  const middlewares = Object.entries(config.middlewares).map(([name, middleware]) => {
    const { basicAuth } = middleware;
    if (basicAuth === undefined) return [name, middleware] as const;
    const users = basicAuth.users.map((user) => `${user.slice(0, user.indexOf(':'))}:${COVER}`);
    return [name, { ...middleware, basicAuth: { ...basicAuth, users } }] as const;
  });
  return { ...config, middlewares: Object.fromEntries(middlewares) };
}
