/** Suffixes that are acted on. */
const SUPPORTED = new Set([
  'GROUP',
  'VHOST',
  'PATH',
  'ENABLED',
  'BALANCE',
  'BACKEND_WEIGHT',
  'PORT',
  'MODE',
  'STICKY',
  'REDIRECT_TO_HTTPS',
  'USE_HSTS',
  'SSL_CERT',
  'AUTH',
  'BACKEND_NETWORK_ALLOWED_ACL',
  'BACKEND_HEALTHCHECK_PORT_INDEX',
  'HTTP_BACKEND_PROXYPASS_PATH',
  'HTTP_BACKEND_REVPROXY_PATH',
  'HTTP_BACKEND_REDIR',
  'BIND_ADDR',
]);

const DEPLOYMENT = new Set([
  'GROUP',
  'ALT_PORT',
  'COLOUR',
  'STARTED_AT',
  'TARGET_INSTANCES',
  'NEW_INSTANCES',
]);

/** Pieces of HAProxy configuration, and what does the same here; the first that fits. */
const TEMPLATES: readonly (readonly [RegExp, string])[] = [
  [/_REDIRECT_HTTP_TO_HTTPS/, 'HAPROXY_{n}_REDIRECT_TO_HTTPS, or a redirect middleware'],
  [/_HSTS_/, 'HAPROXY_{n}_USE_HSTS, or an hsts middleware'],
  [/_STICKY_/, 'HAPROXY_{n}_STICKY, or rimrock.http.<name>.sticky'],
  [/_HEALTHCHECK_/, 'rimrock.http.<name>.check.path and its neighbours'],
  [/^BACKEND_SERVER_/, 'rimrock.http.<name>.slowStartSeconds, .maxConnections and their neighbours'],
  [/_PROXYPASS_|_REVPROXY_|_REDIR/, 'the label without _GLUE, or a rewrite or redirect middleware'],
  [/_ACL/, 'rimrock.http.<name>.host, .pathPrefix, .header.<field> and their neighbours'],
  [/^(?:FRONTEND|HTTPS?_FRONTEND)_/, 'rimrock.http.<name> and rimrock.middleware.<name>'],
  [/^(?:BACKEND|HTTP_BACKEND)_/, 'rimrock.middleware.<name>, such as headers or rewrite'],
  [/^(?:MAP_HTTPS?_FRONTEND)_/, 'nothing: routes are always looked up in a table'],
  [/^BIND_OPTIONS$/, 'nothing yet: the listeners of the configuration say how TLS is done'],
];

/** What to say about `HAPROXY_{n}_<suffix>`; undefined when it is acted on. */
export function portLabelProblem(suffix: string, label: string): string | undefined {
  if (SUPPORTED.has(suffix)) return undefined;
  const instead = TEMPLATES.find(([form]) => form.test(suffix))?.[1];
  if (instead !== undefined)
    return `${label} is a piece of HAProxy configuration, which does not apply here and is ignored; instead there is ${instead}`;
  return `unknown label; known are HAPROXY_{n}_${[...SUPPORTED].join(', HAPROXY_{n}_')}`;
}

/** What to say about a HAPROXY_ label without a port index; undefined when it is acted on. */
export function appLabelProblem(label: string): string | undefined {
  const name = label.slice('HAPROXY_'.length);
  if (name === 'GROUP' || name === 'APP_ID') return undefined;
  if (name.startsWith('DEPLOYMENT_')) {
    if (DEPLOYMENT.has(name.slice('DEPLOYMENT_'.length))) return undefined;
    return `unknown label; known are HAPROXY_DEPLOYMENT_${[...DEPLOYMENT].join(', HAPROXY_DEPLOYMENT_')}`;
  }
  if (SUPPORTED.has(name) || TEMPLATES.some(([form]) => form.test(name)))
    return `the port index is missing: write HAPROXY_0_${name} for the first port`;
  return 'unknown label; write HAPROXY_GROUP or HAPROXY_{n}_VHOST and the like';
}
