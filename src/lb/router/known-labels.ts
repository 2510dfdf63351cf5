/** Suffixes that this version acts on. */
const SUPPORTED = new Set(['GROUP', 'VHOST', 'PATH', 'ENABLED', 'BALANCE', 'BACKEND_WEIGHT']);

/**
 * Suffixes of marathon-lb that this version does not act on, with the value that means "nothing", which is then not
 * worth a word.
 */
const NOT_YET: ReadonlyMap<string, string | undefined> = new Map([
  ['STICKY', 'false'],
  ['REDIRECT_TO_HTTPS', 'false'],
  ['USE_HSTS', 'false'],
  ['SSL_CERT', undefined],
  ['BIND_OPTIONS', undefined],
  ['BIND_ADDR', '*'],
  ['PORT', undefined],
  ['MODE', 'http'],
  ['AUTH', undefined],
  ['BACKEND_NETWORK_ALLOWED_ACL', undefined],
  ['BACKEND_HEALTHCHECK_PORT_INDEX', undefined],
  ['HTTP_BACKEND_PROXYPASS_PATH', undefined],
  ['HTTP_BACKEND_REVPROXY_PATH', undefined],
  ['HTTP_BACKEND_REDIR', undefined],
]);

/**
 * Who asks for a password or a list of clients must not be published without it: these take the port's routes away
 * until they are supported.
 */
export const REFUSES_ROUTE: readonly string[] = ['AUTH', 'BACKEND_NETWORK_ALLOWED_ACL'];

const TEMPLATE = /^(FRONTEND|BACKEND|HTTPS?_FRONTEND|HTTP_BACKEND|MAP_HTTPS?_FRONTEND)_/;

/** What to say about `HAPROXY_{n}_<suffix>`; undefined when it is acted on. */
export function portLabelProblem(suffix: string, value: string, label: string): string | undefined {
  if (SUPPORTED.has(suffix)) return undefined;
  if (NOT_YET.has(suffix)) {
    const nothing = NOT_YET.get(suffix);
    if (nothing !== undefined && value.trim().toLowerCase() === nothing) return undefined;
    const consequence = REFUSES_ROUTE.includes(suffix)
      ? 'the port is not published, for it would be open to everybody; remove the label to publish it anyway'
      : 'it is ignored';
    return `not supported yet: ${label}; ${consequence}`;
  }
  if (TEMPLATE.test(suffix))
    return `not supported yet: ${label} is a piece of HAProxy configuration; it is ignored`;
  return `unknown label; known are HAPROXY_{n}_${[...SUPPORTED].join(', HAPROXY_{n}_')}`;
}

/** What to say about a HAPROXY_ label without a port index. */
export function appLabelProblem(label: string): string | undefined {
  const name = label.slice('HAPROXY_'.length);
  if (name === 'GROUP') return undefined;
  if (name === 'APP_ID' || name.startsWith('DEPLOYMENT_'))
    return `not supported yet: ${label} (two apps as one blue/green backend); it is ignored`;
  if (SUPPORTED.has(name) || NOT_YET.has(name))
    return `the port index is missing: write HAPROXY_0_${name} for the first port`;
  return 'unknown label; write HAPROXY_GROUP or HAPROXY_{n}_VHOST and the like';
}
