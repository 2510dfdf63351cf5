import { parseAuth, parseBoolean, parseNetworks, parsePath } from './label-values.ts';
import type { PortLabels } from './port-labels.ts';
import type { Middleware } from './middleware.ts';

/** Something that protects the port cannot be had: it must not be published without. */
export const REFUSED = Symbol('refused');

/** 182.5 days, as marathon-lb has it. */
const HSTS_SECONDS = 15_768_000;

/** What the labels of a port do to requests: of its hosts, of its service port in HTTP, and in TCP. */
export interface PortMiddlewares {
  readonly http: readonly Middleware[];
  readonly port: readonly Middleware[];
  readonly tcp: readonly Middleware[];
}

/**
 * The middlewares that the labels of a port stand for, in the order in which they run: HSTS first, so that it is in
 * every answer; who may come at all before anything is told; the redirect to TLS before a password is asked for.
 */
export function portMiddlewares(labels: PortLabels): PortMiddlewares | typeof REFUSED {
  const filter = networks(labels);
  const auth = password(labels);
  if (filter === REFUSED || auth === REFUSED) return REFUSED;
  const hsts = flag(labels, 'USE_HSTS')
    ? [{ kind: 'hsts', maxAgeSeconds: HSTS_SECONDS, includeSubdomains: false } as const]
    : [];
  const toHttps = flag(labels, 'REDIRECT_TO_HTTPS')
    ? [{ kind: 'redirect', status: 301, scheme: 'https' } as const]
    : [];
  const paths = pathMiddlewares(labels);
  return {
    http: [...hsts, ...filter, ...toHttps, ...auth, ...paths],
    port: [...hsts, ...filter, ...auth, ...paths],
    tcp: filter,
  };
}

function flag(labels: PortLabels, suffix: string): boolean {
  const value = labels.get(suffix);
  return value !== undefined && parseBoolean(value, labels.at(suffix));
}

function networks(labels: PortLabels): readonly Middleware[] | typeof REFUSED {
  const value = labels.get('BACKEND_NETWORK_ALLOWED_ACL');
  if (value === undefined) return [];
  const complain = labels.at('BACKEND_NETWORK_ALLOWED_ACL');
  const allow = parseNetworks(value, complain);
  if (allow.length > 0) return [{ kind: 'ipFilter', allow }];
  complain('the port is not published, for no network may use it: write networks such as 10.0.0.0/8');
  return REFUSED;
}

function password(labels: PortLabels): readonly Middleware[] | typeof REFUSED {
  const value = labels.get('AUTH');
  if (value === undefined) return [];
  const auth = parseAuth(value, labels.at('AUTH'));
  return auth === undefined ? REFUSED : [auth];
}

function pathMiddlewares(labels: PortLabels): Middleware[] {
  const path = (suffix: string): string | undefined => {
    const value = labels.get(suffix);
    return value === undefined ? undefined : parsePath(value, labels.at(suffix));
  };
  const redirect = path('HTTP_BACKEND_REDIR');
  const stripPrefix = path('HTTP_BACKEND_PROXYPASS_PATH');
  const locationPrefix = path('HTTP_BACKEND_REVPROXY_PATH');
  const middlewares: Middleware[] = [];
  if (redirect !== undefined) middlewares.push({ kind: 'redirect', status: 301, regex: '/', path: redirect });
  if (stripPrefix !== undefined || locationPrefix !== undefined)
    middlewares.push({
      kind: 'rewrite',
      ...(stripPrefix === undefined ? {} : { stripPrefix }),
      ...(locationPrefix === undefined ? {} : { locationPrefix }),
    });
  return middlewares;
}
