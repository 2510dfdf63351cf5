import { FieldId, fieldIdOf, RepeatedText, requestBody, TargetFlag } from '../http1/index.ts';
import type { Fields, RequestParser } from '../http1/index.ts';
import type { ReasonCode } from '../reasons.ts';
import type { Route } from '../router/index.ts';
import type { Passage } from '../middleware/passage.ts';
import type { MadeId } from './made-id.ts';
import { isAmbiguousPath } from './path.ts';
import { comesBack } from './via.ts';
import type { ViaPolicy } from './via.ts';

/** A request that may be passed on, with what routing and forwarding need of it. */
export interface Admitted {
  /** Lower case, without port and final dot. */
  readonly host: string;
  /** Origin form: path and query, or `*`. Middlewares may rewrite it. */
  target: string;
  /** The target as it came. */
  readonly asked: string;
  /** The target without its query, as it came. */
  readonly path: string;
  /** Length of the body, or CHUNKED. */
  readonly body: number;
  /** The client asks for a WebSocket. Other upgrades are left out and the request goes on as HTTP/1.1. */
  readonly upgrade: boolean;
  /** Address of the client as a trusted proxy before us tells it; undefined: it is the peer. Set with the head at hand. */
  client: string | undefined;
  /** Set by routing; the service is that of the target that was chosen. */
  route: Route | undefined;
  serviceKey: string | undefined;
  /** What the middlewares of the route do to it on its way; undefined: nothing. */
  passage: Passage | undefined;
  /** A Set-Cookie line that ties the client to one of several targets; mostly empty. */
  tie: string;
  /** Set when the head for the instance is written. */
  traceId: string | MadeId | undefined;
  requestId: string | MadeId | undefined;
}

const HOST = /^([a-z0-9_][a-z0-9._-]*|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/;

/** Names that Connection may not name: taking them away would change what the request means. */
const PROTECTED = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'forwarded',
  'x-real-ip',
  'authorization',
  'cookie',
  'expect',
  'origin',
  'range',
]);

/** Protected names, and those whose aliases (`X_Forwarded_For`) an origin could take for the real ones. */
const isTrustName = (name: string): boolean => PROTECTED.has(name) || name.startsWith('x-forwarded-');

/**
 * The one place that decides whether a request goes on: every row of the table in admit.test.ts is a decision taken
 * here (or in the parser, for what is no sound head at all). What could be read in two ways is refused, never repaired.
 */
export class Admission {
  readonly #bodyLimit: number;
  readonly #via: ViaPolicy | undefined;
  readonly #hosts = new RepeatedText();
  #lastHostField = '';
  #lastHost = '';

  /** `via`: how often a request may come back to us; without it nobody looks. */
  constructor(bodyLimit: number | undefined, via?: ViaPolicy) {
    this.#bodyLimit = bodyLimit ?? Number.POSITIVE_INFINITY;
    this.#via = via;
  }

  /** Judge the head that the parser has just read. */
  admit(head: RequestParser): Admitted | ReasonCode {
    if (head.method === 'CONNECT' || head.method === 'TRACE') return 'method-refused';
    const fields = head.fields;
    const hosts = fields.countOf(FieldId.HOST);
    if (hosts !== 1) return hosts === 0 ? 'host-missing' : 'host-duplicate';
    const at = fields.find(FieldId.HOST);
    const host = this.#host(
      this.#hosts.of(fields.bytes, fields.valueStart[at] ?? 0, fields.valueEnd[at] ?? 0),
    );
    if (host.length === 0) return 'bad-host';

    const target = originForm(head, host);
    if (typeof target !== 'string') return target.refused;
    const query = target.indexOf('?');
    const path = query < 0 ? target : target.slice(0, query);
    if ((head.targetFlags & (TargetFlag.PERCENT | TargetFlag.DOT_AFTER_SLASH)) !== 0 && isAmbiguousPath(path))
      return 'ambiguous-path';

    const body = requestBody(fields, head.version);
    if (typeof body === 'string') return body;
    if (body > this.#bodyLimit) return 'body-too-large';

    const refused = checkFields(fields);
    if (refused !== undefined) return refused;
    if (this.#via !== undefined && fields.has(FieldId.VIA) && comesBack(fields, this.#via))
      return 'loop-detected';
    return {
      host,
      target,
      asked: target,
      path,
      body,
      upgrade: wantsWebSocket(head, body),
      client: undefined,
      route: undefined,
      serviceKey: undefined,
      passage: undefined,
      tie: '',
      traceId: undefined,
      requestId: undefined,
    };
  }

  /** The normal form of a Host field, empty when it is not sound. Most requests repeat the host of the one before. */
  #host(field: string): string {
    if (field === this.#lastHostField) return this.#lastHost;
    this.#lastHost = normalHost(field);
    this.#lastHostField = field;
    return this.#lastHost;
  }
}

function normalHost(field: string): string {
  const parts = HOST.exec(field.toLowerCase());
  const name = parts?.[1];
  if (name === undefined || Number(parts?.[2] ?? 0) > 65_535) return '';
  const plain = name.endsWith('.') ? name.slice(0, -1) : name;
  return plain.includes('..') || plain.length > 253 ? '' : plain;
}

/** The target as path and query. Its absolute form must name the same host as the Host field. */
function originForm(head: RequestParser, host: string): string | { readonly refused: ReasonCode } {
  const { target, targetFlags } = head;
  if ((targetFlags & TargetFlag.HASH) !== 0) return { refused: 'fragment-in-target' };
  if ((targetFlags & TargetFlag.BACKSLASH) !== 0) return { refused: 'backslash-in-path' };
  if (target.startsWith('/')) return target;
  if (target === '*') return head.method === 'OPTIONS' ? target : { refused: 'bad-target' };
  const absolute = /^http:\/\/([^/?]*)(.*)$/i.exec(target);
  if (absolute === null) return { refused: 'bad-target' };
  if (normalHost(absolute[1] ?? '') !== host) return { refused: 'host-mismatch' };
  const rest = absolute[2] ?? '';
  if (rest === '' && head.method === 'OPTIONS') return '*';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function checkFields(fields: Fields): ReasonCode | undefined {
  if (hasAlias(fields)) return 'alias-field';
  if (!fields.plainConnection && fields.list(FieldId.CONNECTION).some(isTrustName))
    return 'connection-names-protected';
  if (fields.has(FieldId.EXPECT)) {
    const i = fields.find(FieldId.EXPECT);
    if (fields.countOf(FieldId.EXPECT) !== 1 || fields.value(i).toLowerCase() !== '100-continue')
      return 'bad-expectation';
  }
  return undefined;
}

/** Whether a name becomes a protected one when its punctuation is read as `-`, as CGI, WSGI and others do. */
export function hasAlias(fields: Fields): boolean {
  if (!fields.oddNames) return false;
  for (let i = 0; i < fields.count; i++) {
    const name = fields.name(i);
    const plain = name.replace(/[^a-z0-9-]/g, '-');
    if (plain !== name && (isTrustName(plain) || fieldIdOf(plain) !== FieldId.OTHER)) return true;
  }
  return false;
}

function wantsWebSocket(head: RequestParser, body: number): boolean {
  const fields = head.fields;
  if (!fields.has(FieldId.UPGRADE) || head.method !== 'GET' || head.version < 11 || body !== 0) return false;
  const protocols = fields.list(FieldId.UPGRADE);
  return (
    protocols.length === 1 &&
    protocols[0] === 'websocket' &&
    fields.list(FieldId.CONNECTION).includes('upgrade')
  );
}
