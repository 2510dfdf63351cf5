import { z } from 'zod';
import { keySource, middlewareSchema } from './middlewares.ts';
import {
  byName,
  choice,
  fieldCheck,
  askedHostCheck,
  askedPathCheck,
  hostCheck,
  list,
  nameCheck,
  number,
  pathCheck,
  regexCheck,
  spiffeCheck,
  text,
  tokenCheck,
  trustCheck,
  withMode,
} from './scalars.ts';

const listener = (value: string, complain: (reason: string) => void): void => {
  const port = /^port:(\d{1,5})$/.exec(value)?.[1];
  if (port !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return;
  if (value !== 'http' && value !== 'https')
    complain(`'${value}' is no listener: write http, https or port:<number>`);
};
const portListener = (value: string, complain: (reason: string) => void): void => {
  if (value.startsWith('port:')) listener(value, complain);
  else complain(`'${value}' is no port of its own: write port:<number>`);
};

/** Which requests. What is not given fits all of them. */
const matchers = {
  host: list(hostCheck)
    .optional()
    .describe('Host names, with commas between: `a.test`, `*.b.test`, `*`; absent: every host'),
  path: list(pathCheck).optional().describe('These very paths'),
  pathPrefix: list(pathCheck)
    .optional()
    .describe('Paths that begin with these segments: `/a` fits `/a` and `/a/b`, not `/ab`'),
  pathRegex: text(regexCheck)
    .optional()
    .describe('Paths that this fits as a whole (RE2 syntax, takes linear time)'),
  method: list(tokenCheck).optional().describe('One of these methods'),
  header: byName(text(fieldCheck), tokenCheck)
    .optional()
    .describe('By name of a header field: its value, or `*` for any'),
  headerRegex: byName(text(regexCheck), tokenCheck)
    .optional()
    .describe('By name of a header field: what fits its whole value (RE2 syntax)'),
  query: byName(text(), () => {})
    .optional()
    .describe('By name of a query parameter: its first value, or `*` for any'),
};

/** What is the same for HTTP and TCP. */
const common = {
  priority: number(-1_000_000, 1_000_000)
    .optional()
    .describe('Higher is considered earlier, whatever the host; absent: 0, and the closer rule goes first'),
  middlewares: list(nameCheck).optional().describe('Names of middlewares, in the order in which they run'),
  certificate: text(fieldCheck)
    .optional()
    .describe(
      'Name of the certificate, as GET /certificates has it (files: their path); absent: chosen by the name that the client asks for',
    ),
};

const check = z.strictObject({
  type: choice('http', 'tcp', 'grpc')
    .optional()
    .describe('What is asked; absent: http if there is a path, else tcp'),
  path: text(askedPathCheck).optional().describe('Path to GET; 200 to 399 is well'),
  host: text(askedHostCheck).optional().describe('Host to ask for'),
  service: text(fieldCheck).optional().describe('Service of the gRPC health check'),
  port: number(1, 65_535).optional().describe('Another port of the instance'),
  portIndex: number(0, 1_000).optional().describe('Another port of the instance, by its index'),
  intervalSeconds: number(0.1, 3_600, false).default(10).describe('From one check to the next'),
  timeoutSeconds: number(0.05, 3_600, false).default(5).describe('A check fails after this'),
  rise: number(1, 100).default(1).describe('Good results that make an instance healthy again'),
  fall: number(1, 100).default(3).describe('Bad results that make an instance unhealthy'),
});

const upstreamTls = withMode({
  mode: choice('off', 'on', 'mutual', 'true', 'false')
    .optional()
    .describe('Instances speak TLS; mutual: and we show them our own identity. `upstream.tls` says the same'),
  serverName: text(hostCheck)
    .optional()
    .describe(
      'Name to ask for, which must be in their certificate; absent: their address, or with trust identity none',
    ),
  trust: text(trustCheck)
    .optional()
    .describe(
      'What their certificate is judged by: system, identity, none, or one of lb.tls.authorities; absent: system, with mutual or a spiffeId identity',
    ),
  spiffeId: text(spiffeCheck)
    .optional()
    .describe(
      'The one URI that must be in their certificate, instead of a name; * is any one part of its path',
    ),
});

const tcpUpstream = z.strictObject({ tls: upstreamTls.optional() });

const upstream = z.strictObject({
  protocol: choice('http1', 'h2').optional().describe('What instances speak; absent: http1'),
  tls: upstreamTls.optional(),
});

/** How requests are spread over the instances. */
export const backendShape = {
  balance: choice('p2c', 'roundrobin', 'leastconn', 'random', 'ringhash')
    .optional()
    .describe('How an instance is chosen; absent: p2c, the less busy of two'),
  hash: keySource(['client', 'path'], ['header', 'cookie'])
    .optional()
    .describe('What a ring hash is taken of: client, path, header:<name>, cookie:<name>'),
  sticky: text(tokenCheck)
    .optional()
    .describe('Name of the cookie that brings clients back to their instance'),
  stickyMaxAgeSeconds: number(1, 31_536_000)
    .optional()
    .describe('How long the cookie lives; absent: the session'),
  maxConnections: number(1, 1_000_000).optional().describe('Most connections to one instance, per thread'),
  maxPending: number(0, 1_000_000).optional().describe('Most requests that wait for one of these'),
  maxRequests: number(1, 1_000_000)
    .optional()
    .describe('Most requests at one instance at a time, per thread'),
  slowStartSeconds: number(0, 3_600, false)
    .optional()
    .describe('A new instance gets its full share after this'),
  drainSeconds: number(0, 86_400, false)
    .optional()
    .describe(
      'What runs on an instance that leaves gets this long, and is then cut; absent: HTTP as long as it takes, TCP lb.timeouts.drainMs once the instance is gone',
    ),
  check: check.optional().describe('Active check of the instances'),
  upstream: upstream.optional().describe('How instances are spoken to'),
};

/** Of these, what makes sense where only bytes are seen. */
const tcpBackendShape = {
  balance: backendShape.balance,
  hash: keySource(['client'], []).optional().describe('What a ring hash is taken of: client'),
  maxConnections: backendShape.maxConnections,
  slowStartSeconds: backendShape.slowStartSeconds,
  drainSeconds: backendShape.drainSeconds,
  check: backendShape.check,
  upstream: tcpUpstream.optional().describe('How instances are spoken to, unless TLS passes through to them'),
};

const canary = z.strictObject({
  header: byName(text(fieldCheck), tokenCheck, 1)
    .optional()
    .describe('By name of a header field: value or `*`'),
  cookie: byName(text(fieldCheck), tokenCheck, 1)
    .optional()
    .describe('By name of a cookie: value or `*`; besides a header field, either is enough'),
});

const weight = number(0, 1_000_000)
  .optional()
  .describe('Share among the targets, which are the rules of the same group; absent: 1');
const share = {
  weight,
  canary: canary.optional().describe('Requests that come here whatever the weights say'),
};

/** What is agreed on with clients before there is a request. */
const tlsTerms = {
  minVersion: choice('1.2', '1.3')
    .optional()
    .describe(
      'Oldest version of TLS, unless lb.tls.minVersion is newer. In the handshake counts what all rules of the host say; else 403',
    ),
  clientAuth: choice('none', 'request', 'require')
    .optional()
    .describe(
      'Whether clients show a certificate. Who must and does not is refused in the handshake if all rules of the host say so, else with 403',
    ),
  clientCa: text(trustCheck)
    .optional()
    .describe('What it is judged by: identity or one of lb.tls.authorities; absent: identity'),
};

const http = {
  ...matchers,
  ...common,
  listeners: list(listener)
    .optional()
    .describe(
      'Where: http, https, port:<number>; absent: http and https, with clientAuth require only https',
    ),
  tls: withMode({
    mode: choice('terminate', 'acme')
      .optional()
      .describe(
        'terminate: TLS at listeners port:<number>; acme: and the hosts get public certificates (lb.acme.routes). `tls` says the same',
      ),
    ...tlsTerms,
  }).optional(),
};

const tcp = {
  host: list(hostCheck)
    .optional()
    .describe('Names that clients ask for in TLS (SNI); absent: all, also without TLS'),
  ...common,
  listeners: list(portListener).describe('Where: port:<number>'),
  tls: withMode({
    mode: choice('terminate', 'passthrough')
      .optional()
      .describe(
        'Whether TLS ends here or at the instance; absent: passthrough where there is a host, else none. `tls` says the same',
      ),
    ...tlsTerms,
  }).optional(),
};

const labelOnly = {
  port: text().optional().describe('Port of the service, by index or name; absent: the first'),
  group: text(nameCheck)
    .optional()
    .describe(
      'Rules of several services of one framework in the same group, otherwise alike, share their requests',
    ),
  weight,
};

export const httpLabelSchema = z.strictObject({
  ...http,
  ...labelOnly,
  canary: share.canary,
  ...backendShape,
});
export const tcpLabelSchema = z.strictObject({ ...tcp, ...labelOnly, ...tcpBackendShape });

/** All labels of a service that begin with `rimrock.`, as a tree. */
export const labelsSchema = z.strictObject({
  group: list(nameCheck).optional().describe('Groups for `lb.groups`; absent: those of HAPROXY_GROUP'),
  http: z.record(z.string(), httpLabelSchema).optional().describe('HTTP rules by name'),
  tcp: z.record(z.string(), tcpLabelSchema).optional().describe('TCP rules by name'),
  middleware: z
    .record(z.string(), middlewareSchema)
    .optional()
    .describe('Middlewares by name, for the rules of this service'),
});

const target = z.strictObject({
  service: text().describe('Key of a service (`marathon/web`), or name of one of lb.services'),
  port: number(0, 1_000).default(0).describe('Index of its port'),
  ...share,
});

const targets = {
  service: text().optional().describe('Key of a service (`marathon/web`), or name of one of lb.services'),
  port: number(0, 1_000).optional().describe('Index of its port; absent: the first'),
  targets: z
    .array(target)
    .min(1)
    .max(20)
    .optional()
    .describe('Instead of service: several, with their shares'),
};

export const httpRouteSchema = z.strictObject({ ...http, ...targets });
export const tcpRouteSchema = z.strictObject({ ...tcp, ...targets });

export type HttpLabels = z.output<typeof httpLabelSchema>;
export type TcpLabels = z.output<typeof tcpLabelSchema>;
export type HttpRoute = z.output<typeof httpRouteSchema>;
export type TcpRoute = z.output<typeof tcpRouteSchema>;
export type BackendOptions = z.output<z.ZodObject<typeof backendShape>>;
export type Canary = z.output<typeof canary>;
/** What decides which requests a rule gets, and what is done to them. */
export type HttpRule = z.output<z.ZodObject<typeof http>>;
export type TcpRule = z.output<z.ZodObject<typeof tcp>>;
