import { z } from 'zod';
import { ACCESS_FIELDS } from './log/fields.ts';
import { acmeSchema } from './acme/config.ts';
import { http2Schema } from './http2-config.ts';
import { rulesConfigShape } from './rules/index.ts';
import { vipsConfigSchema } from './vip/config.ts';
import { servicePortsSchema } from './tcp/config.ts';
import { httpsSchema, tlsSchema } from './tls/config.ts';

const ms = (value: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(1).max(86_400_000).default(value).describe(`${what}, milliseconds`);
const count = (value: number, what: string, min = 1): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(min).default(value).describe(what);
const address = (
  port: number,
  what: string,
): z.ZodPrefault<
  z.ZodObject<{ host: z.ZodDefault<z.ZodString>; port: z.ZodDefault<z.ZodNumber> }, z.core.$strict>
> =>
  z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address to bind; 0.0.0.0 for all'),
      port: z.number().int().min(0).max(65_535).default(port).describe('Port; 0 picks a free one'),
    })
    .prefault({})
    .describe(what);

const limits = z
  .strictObject({
    headBytes: count(16_384, 'Largest request or response head, bytes', 256),
    lineBytes: count(8_192, 'Longest request line, bytes', 64),
    headers: count(100, 'Most header fields in one head'),
    bodyBytes: z
      .number()
      .int()
      .min(0)
      .optional()
      .describe('Largest request body, bytes; absent means no limit'),
    connectionsPerClient: count(10_000, 'Most connections from one address'),
    maxConnections: count(20_000, 'Most client connections in all'),
    waitingRequests: count(1_024, 'Most requests that wait for an instance to come up', 0),
  })
  .prefault({})
  .describe('What a client may ask for');

const timeouts = z
  .strictObject({
    headMs: ms(10_000, 'A request head must be complete within this time'),
    bodyMs: ms(10_000, 'Head start of a request body before its least rate counts'),
    bodyBytesPerSecond: count(500, 'Least rate of a request body, bytes per second'),
    idleMs: ms(60_000, 'An idle client connection is kept this long'),
    connectMs: ms(3_000, 'Connecting to an instance, and waiting for one that is just starting'),
    firstByteMs: ms(60_000, 'An instance must begin its answer this long after the request'),
    streamIdleMs: ms(300_000, 'A response that makes no progress is cut after this time'),
    tunnelIdleMs: ms(
      3_600_000,
      'An upgraded connection (WebSocket) or a TCP connection without traffic is cut after this time',
    ),
    halfCloseMs: ms(5_000, 'A client that has finished its side gets this long for its answer'),
    drainMs: ms(10_000, 'At stop, running requests get this long to finish'),
  })
  .prefault({})
  .describe('How long things may take');

const accessLog = z
  .strictObject({
    sample: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Share of the requests and connections that get a line; 0: none'),
    errors: z
      .enum(['always', 'sampled'])
      .default('always')
      .describe(
        "Whether requests that fail on our or the instance's side always get a line; only where sample is above 0",
      ),
    fields: z
      .array(z.enum(ACCESS_FIELDS))
      .optional()
      .describe('Which fields a line has, in this order; absent: all but query'),
    path: z
      .string()
      .min(1)
      .default('stdout')
      .describe(
        'File that lines are appended to, or stdout; opened anew on SIGHUP and when it was moved away',
      ),
    queueLines: count(65_536, 'Most lines that wait to be written; further ones are dropped and counted'),
  })
  .prefault({})
  .describe('One line of JSON for each request and TCP connection');

const via = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/)
      .default('rimrock')
      .describe('How we name ourselves in Via; the same for all load balancers that a loop may go through'),
    maxReturns: count(5, 'A request that has passed this name more often is answered with 508', 0),
  })
  .prefault({})
  .describe('Loops of requests');

const tracing = z
  .strictObject({
    traceparent: z.boolean().default(true).describe('Make a traceparent where a request has none'),
    requestId: z
      .boolean()
      .default(true)
      .describe('Make an x-request-id where a request has none from a trusted proxy'),
  })
  .prefault({})
  .describe('Fields that identify a request on its way');

/** Settings of the load balancer. */
export const lbConfigSchema = z.strictObject({
  http: address(8000, 'Where clients connect'),
  https: httpsSchema,
  tls: tlsSchema,
  acme: acmeSchema,
  admin: address(9090, 'Where routes, explanations, metrics and health are read'),
  servicePorts: servicePortsSchema,
  http2: http2Schema,
  engine: z
    .enum(['auto', 'linux', 'portable'])
    .default('auto')
    .describe(
      "What carries the traffic: 'linux' (epoll and OpenSSL by FFI), 'portable' (Node's own sockets), or 'auto', the fastest that runs here",
    ),
  workers: z
    .int()
    .min(1)
    .max(32)
    .optional()
    .describe(
      'Threads that carry traffic; absent: half of the cores, at least 1, at most 4. One where the system is not Linux',
    ),
  zone: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Our own fault domain, <region>/<zone>, as agents have theirs (--domain): its instances are preferred',
    ),
  groups: z
    .array(z.string().min(1))
    .default(['*'])
    .describe("Which HAPROXY_GROUP values are served; '*' is every service, also those without a group"),
  trustedProxies: z
    .array(
      z.union(
        [z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()],
        'write an address or a network, such as 10.0.0.0/8',
      ),
    )
    .default([])
    .describe('Addresses or CIDR blocks whose X-Forwarded-* and Forwarded header fields are believed'),
  limits,
  timeouts,
  retry: z
    .strictObject({
      attempts: count(3, 'Most times one request is sent'),
      budgetRatio: z
        .number()
        .min(0)
        .max(1)
        .default(0.2)
        .describe('Retries allowed per request, over ten seconds'),
      minPerSecond: z.number().min(0).default(10).describe('Retries per second that are always allowed'),
    })
    .prefault({})
    .describe('Sending a request again, to another instance'),
  accessLog,
  via,
  tracing,
  vips: vipsConfigSchema,
  ...rulesConfigShape,
  passiveHealth: z
    .strictObject({
      consecutiveFailures: count(5, 'Failures in a row after which an instance is left out'),
      failureRatio: z
        .number()
        .min(0)
        .max(1)
        .default(0.5)
        .describe(
          'Share of failures over about ten seconds from which an instance is left out; 1: failures in a row alone count',
        ),
      failureRatioRequests: count(20, 'With fewer requests in that time their share says nothing'),
      ejectMs: ms(1_000, 'How long the first time; doubled each time'),
      maxEjectMs: ms(30_000, 'How long at most'),
      maxEjectedRatio: z.number().min(0).max(1).default(0.5).describe('Largest share of instances left out'),
    })
    .prefault({})
    .describe('Leaving out instances that fail'),
  upstream: z
    .strictObject({
      idleMs: ms(
        4_000,
        'Idle connections to instances are kept this long (Node origins close theirs after 5 s)',
      ),
      unsafeReuseMs: ms(
        1_000,
        'Requests that must not be sent twice use only connections idle for less than this',
      ),
      maxIdlePerEndpoint: count(
        256,
        'Most idle connections kept for one instance; with more in use within the last seconds as many as those, up to 16 times this',
        0,
      ),
    })
    .prefault({})
    .describe('Connections to instances'),
});

export { httpsWanted } from './tls/config.ts';

export type LbConfig = z.output<typeof lbConfigSchema>;
