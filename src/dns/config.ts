import { z } from 'zod';
import { dcosProblems, dcosSchema } from './dcos/config.ts';
import { ipBytes } from './zone/index.ts';
import { soaName } from './soa-name.ts';
import { isName } from './wire/index.ts';
import { cookiesSchema, queryLogSchema, rateLimitSchema } from './answer-config.ts';
import { aclSchema } from './acl/acl.ts';
import { cacheSchema, upstreamsSchema } from './forward/config.ts';
import { loopProblems } from './forward/loops.ts';
import { isDomain, masking, parseResolver, resolverProblems } from './resolver-address.ts';
import { checkNames, zoneKeys } from './zone-config.ts';

export { vipSettings } from './dcos/config.ts';

const port = z.int().min(0).max(65535);
const seconds = z.int().min(0).max(2_147_483_647);
const uint32 = z.int().min(0).max(4_294_967_295);

const address = z
  .string()
  .refine(
    (text) => ipBytes(text) !== undefined,
    'write an IP address of this machine, 0.0.0.0 or ::, not a name',
  );

const resolver = z.string().superRefine((text, context) => {
  if (!parseResolver(text))
    context.addIssue({
      code: 'custom',
      message: `'${text}' is not an IP address, or an IP address and port; write 10.0.0.2, 10.0.0.2:5353 or [2001:db8::1]:53`,
    });
});
const resolverList = z.array(resolver).superRefine((list, context) => {
  for (const message of resolverProblems(list)) context.addIssue({ code: 'custom', message });
});
const domain = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine(
    isDomain,
    'write labels of letters, digits and hyphens with single dots between them, such as mesos',
  );

const soaText = z.string().refine((text) => isName(soaName(text)), 'write a domain name, such as ns1.mesos');

const soa = z.strictObject({
  mname: soaText
    .default('ns1.mesos')
    .describe('Primary name server in the SOA and NS records. Not adapted to `domain`.'),
  rname: soaText.default('root.ns1.mesos').describe('Mailbox of the person in charge; `@` may be written.'),
  refreshSeconds: uint32.default(60).describe('Refresh time in the SOA record.'),
  retrySeconds: uint32.default(600).describe('Retry time in the SOA record.'),
  expireSeconds: uint32.default(86_400).describe('Expire time in the SOA record.'),
});

const tcp = z.strictObject({
  maxConnections: z
    .int()
    .min(1)
    .default(150)
    .describe('Connections at once; beyond them the longest idle one is closed.'),
  maxQueriesPerConnection: z.int().min(1).default(128).describe('Queries until a connection is closed.'),
  idleTimeoutMs: z
    .int()
    .min(100)
    .default(10_000)
    .describe('A connection without a query is closed after this.'),
  partialTimeoutMs: z.int().min(100).default(2_000).describe('A query must arrive whole within this time.'),
});

/** The config of the DNS room. Every field has a default: `dnsConfigSchema.parse({})` works. */
export const dnsConfigSchema = z
  .strictObject({
    dnsOn: z.boolean().default(true).describe('Serve DNS.'),
    httpOn: z.boolean().default(true).describe('Serve the Mesos-DNS HTTP API.'),
    host: address.default('127.0.0.1').describe('Address to answer DNS on; 0.0.0.0 or :: for all.'),
    port: port.default(8053).describe('UDP and TCP port of DNS; 0 picks a free one.'),
    httpHost: z.string().default('127.0.0.1').describe('Address of the HTTP API.'),
    httpPort: port.default(8123).describe('Port of the HTTP API; 0 picks a free one.'),
    domain: domain.prefault('mesos').describe('The domain that is published.'),
    ttlSeconds: seconds.default(60).describe('TTL of every record.'),
    negativeTtlSeconds: seconds
      .default(5)
      .describe('How long a "no such name" or "no such record" may be kept; the minimum of the SOA record.'),
    engine: z
      .enum(['auto', 'linux', 'portable'])
      .default('auto')
      .describe(
        'How datagrams are received. linux: in batches, through FFI; portable: one by one, wherever Node runs; auto: linux where it runs.',
      ),
    workers: z
      .int()
      .min(1)
      .max(32)
      .default(2)
      .describe(
        'Threads that answer over UDP. The portable engine has one where the system cannot share a port.',
      ),
    gatherMicroseconds: z
      .int()
      .min(0)
      .max(10_000)
      .default(500)
      .describe(
        'From 8,000 queries a second on, the linux engine lets 16 of them gather, but no longer than this: an answer comes half of it later on average, and costs a quarter less. Not when clients wait for answers before they ask again. 0 answers at once.',
      ),
    maxColdWaiting: z
      .int()
      .min(1)
      .default(1024)
      .describe(
        'Questions for names outside that may wait for the main thread; beyond them they are dropped.',
      ),
    rateLimit: rateLimitSchema.prefault({}).describe('Response rate limiting, over UDP.'),
    cookies: cookiesSchema.prefault({}).describe('DNS cookies.'),
    queryLog: queryLogSchema.prefault({}).describe('A log of some of the queries.'),
    maxTableMiB: z
      .int()
      .min(16)
      .max(2047)
      .default(1024)
      .describe(
        'Most memory for the table of answers; only what it holds is used. 2 KiB per task is plenty, 4 with the names of DC/OS.',
      ),
    nsid: z
      .string()
      .max(64)
      .default('')
      .describe('What to call this server for clients that ask (NSID); empty for nothing.'),
    srvWeight: z.int().min(0).max(65535).default(1).describe('Weight in SRV records. Their priority is 0.'),
    soa: soa.prefault({}).describe('The SOA record of the domain.'),
    ipSources: z
      .array(z.enum(['host', 'docker', 'mesos', 'netinfo']))
      .min(1, 'name at least one of host, docker, mesos, netinfo')
      .refine((list) => new Set(list).size === list.length, 'names a source twice')
      .default(['netinfo', 'mesos', 'host'])
      .describe('Where the addresses of tasks come from; the first source that has one wins.'),
    enforceRfc952: z
      .boolean()
      .default(false)
      .describe('Labels of at most 24 characters that begin with a letter.'),
    ...zoneKeys,
    recurseOn: z.boolean().default(true).describe('Set the RA flag in answers of the domain.'),
    externalOn: z.boolean().default(true).describe('Forward names outside the domain; else REFUSED.'),
    resolvers: resolverList
      .default([])
      .describe('Where to, in order: IP or IP:port. Empty: those of the system.'),
    zoneResolvers: z
      .record(domain, resolverList.min(1, 'needs at least one resolver'))
      .default({})
      .describe('Resolvers for single zones; the longest match wins and there is no fall back.'),
    forwardTimeoutMs: z
      .int()
      .min(10)
      .max(3_600_000)
      .default(5_000)
      .describe('How long to wait for each resolver.'),
    maxForwards: z
      .int()
      .min(1)
      .default(1_000)
      .describe('Questions under way to resolvers at once; beyond them SERVFAIL.'),
    upstreams: upstreamsSchema.prefault({}).describe('How the resolvers are asked.'),
    cache: cacheSchema.prefault({}).describe('Answers of the resolvers that are kept.'),
    acl: aclSchema.prefault({}).describe('Who may ask for what.'),
    localZones: z
      .boolean()
      .default(true)
      .describe(
        'Answer for localhost, invalid, onion and the reverse zones of loopback ourselves (RFC 6761, RFC 6303).',
      ),
    setTruncateBit: z
      .boolean()
      .default(true)
      .describe(
        'Say TC when an answer did not fit. False for clients without TCP. Over TCP, as much as fits is sent without it.',
      ),
    enumerationOn: z.boolean().default(true).describe('Serve /v1/enumerate and /v1/axfr.'),
    udpPayloadBytes: z
      .int()
      .min(512)
      .max(4096)
      .default(1232)
      .describe('Largest UDP reply, for clients with EDNS.'),
    tcp: tcp.prefault({}).describe('Limits of DNS over TCP.'),
    dcos: dcosSchema.prefault({}).describe('The names and the REST API of DC/OS.'),
    drainMs: z
      .int()
      .min(0)
      .default(1_000)
      .describe('At the end, how long to go on answering what still comes in.'),
    mesosDnsConfig: z
      .record(z.string(), z.unknown())
      .default({})
      .describe(
        'Values that only /v1/config shows, by their Mesos-DNS key. Set when a Mesos-DNS file is read.',
      ),
  })
  .superRefine(checkNames)
  .superRefine((config, context) => {
    for (const { path, message } of dcosProblems(config)) context.addIssue({ code: 'custom', path, message });
  })
  .superRefine((config, context) => {
    if (!config.dnsOn && !config.httpOn)
      context.addIssue({ code: 'custom', path: ['dnsOn'], message: 'either dnsOn or httpOn must be true' });
    if (!config.externalOn) return;
    for (const zone of Object.keys(config.zoneResolvers)) {
      const path = ['zoneResolvers', zone];
      if (zone === config.domain)
        context.addIssue({ code: 'custom', path, message: `is the published domain itself; remove it` });
    }
    for (const { zone, by } of masking(Object.keys(config.zoneResolvers), config.domain))
      context.addIssue({
        code: 'custom',
        path: ['zoneResolvers', zone],
        message: `.${zone} is masked by .${by}`,
      });
    for (const { path, message } of loopProblems(config)) context.addIssue({ code: 'custom', path, message });
  });

export type DnsConfig = z.output<typeof dnsConfigSchema>;
export type DnsConfigInput = z.input<typeof dnsConfigSchema>;
