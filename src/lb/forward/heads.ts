import { FieldId, latin1Bytes } from '../http1/index.ts';
import type { Fields, HeadWriter, RequestParser, ResponseParser } from '../http1/index.ts';
import type { ResponseChanges } from '../middleware/passage.ts';
import { hasAlias } from './admit.ts';
import type { Admitted } from './admit.ts';
import type { Hops } from './hops.ts';

/** What TLS with a client has come to, as far as routes ask for it. */
export interface ClientTls {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  /** The name that the connection was made for. */
  readonly serverName: string | undefined;
  /** What its certificate was to be judged by; undefined: it was not asked for one. */
  readonly trust: string | undefined;
  /** It has shown one. */
  readonly shown: boolean;
}

/** What is said about the client of one connection. */
export interface ClientFacts {
  readonly ip: string;
  /** Its forwarding header fields are believed and continued. */
  readonly trusted: boolean;
  /** The port it connected to. */
  readonly port: number;
  /** It speaks TLS with us. */
  readonly secure: boolean;
  /** SPIFFE id of its certificate, where it has shown one and it has been verified. */
  readonly peer?: string | undefined;
  /** Undefined: it speaks no TLS with us. */
  readonly tls?: ClientTls | undefined;
  /** Value of X-Forwarded-Client-Cert, where it has shown a certificate. */
  readonly certificate?: string | undefined;
  /** What instances are told of it, as far as that is the same for all its requests; made with the first. */
  told?: Uint8Array | undefined;
}

const CRLF = latin1Bytes('\r\n');
const X_FORWARDED_HOST = latin1Bytes('X-Forwarded-Host: ');

const bits = (...ids: readonly FieldId[]): number => ids.reduce<number>((mask, id) => mask | (1 << id), 0);

/** Fields that concern one connection only (RFC 9110 §7.6.1). */
const HOP_BY_HOP = bits(
  FieldId.CONNECTION,
  FieldId.KEEP_ALIVE,
  FieldId.PROXY_CONNECTION,
  FieldId.UPGRADE,
  FieldId.TE,
  FieldId.HTTP2_SETTINGS,
);
/** Fields by which a proxy speaks for its client: an untrusted client does not get to say them. */
const FORWARDING = bits(
  FieldId.FORWARDED,
  FieldId.X_FORWARDED_FOR,
  FieldId.X_FORWARDED_PROTO,
  FieldId.X_FORWARDED_HOST,
  FieldId.X_FORWARDED_PORT,
  FieldId.X_FORWARDED_CLIENT_CERT,
  FieldId.X_FORWARDED,
  FieldId.X_REAL_IP,
);
const LENGTHS = bits(FieldId.CONTENT_LENGTH, FieldId.TRANSFER_ENCODING);
/** Connection may name these without effect: they are handled by their own rules. */
const FRAMING = bits(FieldId.CONTENT_LENGTH, FieldId.TRANSFER_ENCODING, FieldId.HOST);

/** Marks the fields to keep: 1 at the index of each. */
export class FieldFilter {
  readonly keep: Uint8Array;

  constructor(limit: number) {
    this.keep = new Uint8Array(limit);
  }

  /** Take out the fields of these names (lower case) as well. */
  without(fields: Fields, names: ReadonlySet<string>): void {
    const { keep } = this;
    for (let i = 0; i < fields.count; i++) if (keep[i] === 1 && names.has(fields.name(i))) keep[i] = 0;
  }

  /** Keep all but the ids in `drop` and what Connection names. Returns whether anything is dropped. */
  select(fields: Fields, drop: number): boolean {
    const { keep } = this;
    let dropped = false;
    for (let i = 0; i < fields.count; i++) {
      const out = (drop & (1 << (fields.id[i] as number))) !== 0;
      keep[i] = out ? 0 : 1;
      dropped ||= out;
    }
    if (!fields.plainConnection) this.#dropNamed(fields);
    return dropped;
  }

  #dropNamed(fields: Fields): void {
    const named = fields
      .list(FieldId.CONNECTION)
      .filter((n) => n !== 'close' && n !== 'keep-alive' && n !== 'upgrade');
    if (named.length === 0) return;
    for (let i = 0; i < fields.count; i++) {
      if ((FRAMING & (1 << (fields.id[i] as number))) === 0 && named.includes(fields.name(i)))
        this.keep[i] = 0;
    }
  }
}

/** Write the head as the instance gets it: always HTTP/1.1, hop-by-hop fields out, our word about the client in. */
export function writeRequestHead(
  out: HeadWriter,
  filter: FieldFilter,
  head: RequestParser,
  request: Admitted,
  client: ClientFacts,
  hops: Hops,
): void {
  const { fields } = head;
  const { passage } = request;
  let drop = HOP_BY_HOP | hops.drop(fields, request, client.trusted);
  if (!client.trusted) drop |= FORWARDING;
  else drop |= (1 << FieldId.X_FORWARDED_FOR) | (1 << FieldId.X_FORWARDED_CLIENT_CERT);
  if (head.version < 11) drop |= 1 << FieldId.EXPECT;
  filter.select(fields, drop);
  if (passage?.drop !== undefined) filter.without(fields, passage.drop);
  out.begin();
  if (request.target === head.target && head.version === 11)
    out.fields(fields, filter.keep, head.targetStart - head.method.length - 1);
  else {
    out.text(head.method).text(' ').text(request.target).text(' HTTP/1.1\r\n');
    out.fields(fields, filter.keep);
  }
  if (request.upgrade) out.text('Connection: Upgrade\r\nUpgrade: websocket\r\n');
  writeForwarding(out, fields, request, client);
  hops.write(out, head.version, request);
  if (passage !== undefined) out.text(passage.requestLines);
  out.raw(CRLF);
}

function writeForwarding(out: HeadWriter, fields: Fields, request: Admitted, client: ClientFacts): void {
  const known = client.trusted ? fields.present & FORWARDING : 0;
  if (known === 0)
    out.raw(
      (client.told ??= latin1Bytes(
        `X-Forwarded-For: ${client.ip}\r\n${proto(client)}${port(client)}${certificate(client)}`,
      )),
    );
  else {
    out.text('X-Forwarded-For: ');
    for (const ip of fields.list(FieldId.X_FORWARDED_FOR)) out.text(ip).text(', ');
    out.text(client.ip).raw(CRLF);
    if ((known & (1 << FieldId.X_FORWARDED_PROTO)) === 0) out.text(proto(client));
    if ((known & (1 << FieldId.X_FORWARDED_PORT)) === 0) out.text(port(client));
    out.text(certificate(client));
  }
  if ((known & (1 << FieldId.X_FORWARDED_HOST)) !== 0) return;
  const host = fields.find(FieldId.HOST);
  out.raw(X_FORWARDED_HOST);
  out.copy(fields.bytes, fields.valueStart[host] ?? 0, fields.valueEnd[host] ?? 0).raw(CRLF);
}

const proto = ({ secure }: ClientFacts): string => `X-Forwarded-Proto: ${secure ? 'https' : 'http'}\r\n`;
/** Of the connection to us alone: what others say of certificates is not passed on, whoever they are. */
const certificate = (client: ClientFacts): string =>
  client.certificate === undefined ? '' : `X-Forwarded-Client-Cert: ${client.certificate}\r\n`;
const port = (client: ClientFacts): string => `X-Forwarded-Port: ${client.port}\r\n`;

/** How the client's side of a response is framed. */
export interface ResponseShape {
  /** The client connection closes after it. */
  readonly close: boolean;
  /** The client speaks HTTP/1.0. */
  readonly http10: boolean;
  /** Chunk framing is taken off (HTTP/1.0 clients do not know it). */
  readonly dechunk: boolean;
  /** 101: Connection and Upgrade belong to the answer. */
  readonly upgrade: boolean;
  /** Further fields, each line with its CRLF. */
  readonly extra?: string;
  /** What middlewares change in it. */
  readonly changes?: ResponseChanges | undefined;
}

/** "HTTP/1.1 " */
const STATUS_OFFSET = 9;

/** Write the head as the client gets it. False: the head as it came is right and was not written again. */
export function writeResponseHead(
  out: HeadWriter,
  filter: FieldFilter,
  head: ResponseParser,
  shape: ResponseShape,
): boolean {
  const { fields } = head;
  let drop = HOP_BY_HOP;
  if (shape.upgrade) drop &= ~(1 << FieldId.UPGRADE);
  if (shape.dechunk) drop |= (1 << FieldId.TRANSFER_ENCODING) | (1 << FieldId.TRAILER);
  // These have no body, so a length could only mislead (RFC 9110 §8.6, RFC 9112 §6.1).
  if (head.status < 200 || head.status === 204) drop |= LENGTHS;
  const dropped = filter.select(fields, drop);
  const { changes } = shape;
  let add = connectionField(shape) + (shape.extra ?? '');
  if (changes !== undefined) add += changes.apply(fields, filter);
  if (!dropped && changes === undefined && add === '' && head.version === 11) return false;
  out.begin();
  if (head.version === 11 && fields.count > 0)
    out.fields(fields, filter.keep, head.statusStart - STATUS_OFFSET);
  else {
    out.text('HTTP/1.1 ').copy(fields.bytes, head.statusStart, head.statusLineEnd);
    out.fields(fields, filter.keep);
  }
  out.text(add).raw(CRLF);
  return true;
}

function connectionField(shape: ResponseShape): string {
  if (shape.upgrade) return 'Connection: Upgrade\r\n';
  if (shape.close) return 'Connection: close\r\n';
  return shape.http10 ? 'Connection: keep-alive\r\n' : '';
}

/** Trailers that say how the message is framed, where it goes or who sent it must not come so late. */
export function writeTrailers(out: HeadWriter, filter: FieldFilter, fields: Fields): boolean {
  if ((fields.present & FRAMING) !== 0 || hasAlias(fields)) return false;
  filter.select(fields, HOP_BY_HOP | FORWARDING | (1 << FieldId.EXPECT));
  out.begin().fields(fields, filter.keep).text('\r\n');
  return true;
}
