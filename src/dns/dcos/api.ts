import { Readable } from 'node:stream';
import type { Authorizer } from '../../core/access.ts';
import { guard } from '../../core/http/guard.ts';
import type { Access } from '../../core/http/guard.ts';
import { plainGuard } from '../../core/http/plain-guard.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Clock } from '../../core/clock.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Catalog } from '../../cluster/index.ts';
import type { Vip } from '../../cluster/vips/index.ts';
import type { Acl } from '../acl/acl.ts';
import { allowOnly } from '../acl/api-hook.ts';
import { mayTransfer } from '../acl/transfer.ts';
import { refuseOtherMethods, sendPlain } from './replies.ts';
import { sha1 } from '../../core/sha1.ts';
import type { RecordType } from '../zone/records.ts';
import { metricsOf } from './metrics-view.ts';

/** Names as they are published now. Names are absolute and lower-case. */
export interface DcosNamesView {
  /** False while nothing is known of the cluster, or not all of it is published. */
  readonly ready: boolean;
  /** As text: an address; `target:port` for SRV, the target absolute. */
  lookup(name: string, type: 'A' | 'SRV'): readonly string[];
  /** Every record of the zones that are served here. Read piece by piece while names change. */
  records(): Iterable<DcosRecord>;
}

export interface DcosRecord {
  readonly name: string;
  readonly host: string;
  readonly type: RecordType;
}

export interface DcosApiParts {
  readonly names: DcosNamesView;
  readonly vips: { readonly revision: number; vips(): readonly Vip[] };
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly acl: Acl;
  /** Without it the API is open. */
  readonly access?: Access | undefined;
  /** Who gets whole zones; absent: everybody. */
  readonly policy?: Authorizer | undefined;
  /** The zones whose records there are, absolute names. */
  readonly zones: readonly string[];
}

/** How its clients tell it. */
const VERSION = { Service: 'dcos-dns', Version: 'rimrock' };

/** The REST API of dcos-net (dcos-net.md §9): what may be read. */
export function createDcosApi(parts: DcosApiParts): Api {
  const api = createApi({ bodyLimitBytes: 64 * 1024 });
  allowOnly(api, parts.acl);
  guard(api, parts.access, plainGuard('dns', ['/v1/version']));
  const get = (url: string, answer: (request: ApiRequest, reply: ApiReply) => unknown): void => {
    api.get(url, { exposeHeadRoute: false }, async (request, reply) => answer(request, reply));
    refuseOtherMethods(api, url);
  };
  get('/v1/version', () => VERSION);
  get('/v1/vips', vipsRoute(parts));
  const { names } = parts;
  get('/v1/nodes', (_request, reply) => (names.ready ? nodes(parts) : notReady(reply)));
  get('/v1/hosts/:host', (request, reply) => known(names, hosts(names, param(request, 'host')), reply));
  get('/v1/services/:service', (request, reply) =>
    known(names, services(names, param(request, 'service')), reply),
  );
  const zones = parts.zones.map((zone) => zone.replace(/\.$/, ''));
  get('/v1/records', (request, reply) => {
    if (!mayTransfer(parts.policy, request, zones)) return sendPlain(reply, 403, '403: Forbidden');
    if (!names.ready) return notReady(reply);
    return reply.header('content-type', 'application/json').send(Readable.from(recordPieces(names)));
  });
  for (const url of ['/v1/config', '/v1/enumerate'])
    get(url, (_request, reply) => sendPlain(reply, 501, 'Not Implemented'));
  get('/v1/metrics', (_request, reply) => sendMetrics(parts.metrics, 'default', reply));
  get('/v1/metrics/:registry', (request, reply) =>
    sendMetrics(parts.metrics, param(request, 'registry'), reply),
  );
  api.setNotFoundHandler(async (_request, reply) => sendPlain(reply, 404, 'Not Found'));
  return api;
}

function param(request: ApiRequest, name: string): string {
  return (request.params as Record<string, string>)[name] ?? '';
}

/** Some names are there before anything is known of the cluster; that others are not says nothing then. */
function known(names: DcosNamesView, found: unknown[], reply: ApiReply): unknown {
  return found.length > 0 || names.ready ? found : notReady(reply);
}

/** An empty list would be taken for the truth. */
function notReady(reply: ApiReply): ApiReply {
  return sendPlain(reply, 503, 'no state of the cluster was read yet');
}

/** The list with an ETag, made once for each change. */
function vipsRoute(parts: DcosApiParts): (request: ApiRequest, reply: ApiReply) => unknown {
  let made: { readonly revision: number; readonly body: string; readonly etag: string } | undefined;
  return (request, reply) => {
    if (!parts.names.ready) return notReady(reply);
    const { revision } = parts.vips;
    if (made?.revision !== revision) {
      const body = JSON.stringify(parts.vips.vips().map(vipJson));
      made = { revision, body, etag: `"${Buffer.from(sha1(body)).toString('base64')}"` };
    }
    void reply.header('etag', made.etag);
    if (sameTag(request.headers['if-none-match'], made.etag)) return reply.code(304).send();
    return reply.header('content-type', 'application/json').send(made.body);
  };
}

/** RFC 9110 §13.1.2: any of the list, or a star; weak ones count as well. */
function sameTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

function vipJson({ name, addresses, port, protocol, backends }: Vip): unknown {
  const host = name === undefined ? addresses[0] : name.slice(0, -1);
  return { vip: `${host}:${port}`, protocol, backend: backends.map((b) => ({ ip: b.ip, port: b.port })) };
}

/** Agents, and masters on machines without one. */
function nodes({ catalog, clock }: DcosApiParts): unknown[] {
  const { agents, masters, leader, stale } = catalog.current;
  const updated = new Date(stale?.sinceMs ?? clock.now()).toISOString();
  const known = new Map<string, string>();
  for (const { ips, hostname } of agents.values()) if (ips[0] !== undefined) known.set(ips[0], hostname);
  for (const { ip } of leader ? [...masters, leader] : masters) if (!known.has(ip)) known.set(ip, ip);
  return [...known].map(([ip, hostname]) => ({ private_ip: ip, public_ips: [], hostname, updated }));
}

function zoneName(text: string): string {
  const name = text.toLowerCase();
  return name.endsWith('.') ? name : `${name}.`;
}

function hosts(names: DcosNamesView, host: string): unknown[] {
  return names.lookup(zoneName(host), 'A').map((ip) => ({ host, ip }));
}

/** The address is left out where the target has none. */
function services(names: DcosNamesView, service: string): unknown[] {
  return names.lookup(zoneName(service), 'SRV').map((value) => {
    const colon = value.lastIndexOf(':');
    const host = value.slice(0, colon);
    const [ip] = names.lookup(zoneName(host), 'A');
    return { service, host, ...(ip !== undefined && { ip }), port: Number(value.slice(colon + 1)) };
  });
}

const PIECE_CHARACTERS = 64 * 1024;

/** The array of all records in pieces, so that a large cluster is never one text in memory. */
function* recordPieces(names: DcosNamesView): Generator<string> {
  let piece = '[';
  let first = true;
  for (const { name, host, type } of names.records()) {
    piece += (first ? '' : ',') + JSON.stringify({ name, host, rtype: type });
    first = false;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]`;
}

async function sendMetrics(metrics: Metrics, registry: string, reply: ApiReply): Promise<ApiReply> {
  const text = metricsOf(await metrics.text(), registry);
  if (text === undefined) return sendPlain(reply, 404, 'Not Found');
  return reply.header('content-type', metrics.contentType).send(text);
}
