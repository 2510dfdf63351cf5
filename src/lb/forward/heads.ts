import { FieldId } from '../http1/index.ts';
import type { Fields, HeadWriter, RequestParser, ResponseParser } from '../http1/index.ts';
import { hasAlias } from './admit.ts';
import type { Admitted } from './admit.ts';

/** What is said about the client of one connection. */
export interface ClientFacts {
  readonly ip: string;
  /** Its forwarding header fields are believed and continued. */
  readonly trusted: boolean;
  /** The port it connected to. */
  readonly port: number;
}

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

  /** Keep all but the ids in `drop` and what Connection names. Returns whether anything is dropped. */
  select(fields: Fields, drop: number): boolean {
    const { keep } = this;
    let dropped = false;
    for (let i = 0; i < fields.count; i++) {
      const out = (drop & (1 << (fields.id[i] as number))) !== 0;
      keep[i] = out ? 0 : 1;
      dropped ||= out;
    }
    const plain =
      !fields.has(FieldId.CONNECTION) ||
      fields.isJust(FieldId.CONNECTION, 'keep-alive') ||
      fields.isJust(FieldId.CONNECTION, 'close');
    if (!plain) this.#dropNamed(fields);
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
): void {
  const { fields } = head;
  let drop = HOP_BY_HOP;
  if (!client.trusted) drop |= FORWARDING;
  else drop |= 1 << FieldId.X_FORWARDED_FOR;
  if (head.version < 11) drop |= 1 << FieldId.EXPECT;
  filter.select(fields, drop);
  out.begin().text(head.method).text(' ').text(request.target).text(' HTTP/1.1\r\n');
  out.fields(fields, filter.keep);
  if (request.upgrade) out.text('Connection: Upgrade\r\nUpgrade: websocket\r\n');
  writeForwarding(out, fields, request, client);
  out.text('\r\n');
}

function writeForwarding(out: HeadWriter, fields: Fields, request: Admitted, client: ClientFacts): void {
  const known = client.trusted ? fields.present : 0;
  const before = client.trusted ? fields.list(FieldId.X_FORWARDED_FOR) : [];
  out.text('X-Forwarded-For: ');
  for (const ip of before) out.text(ip).text(', ');
  out.text(client.ip).text('\r\n');
  if ((known & (1 << FieldId.X_FORWARDED_PROTO)) === 0) out.text('X-Forwarded-Proto: http\r\n');
  if ((known & (1 << FieldId.X_FORWARDED_HOST)) === 0) {
    const host = fields.find(FieldId.HOST);
    out.text('X-Forwarded-Host: ');
    out.copy(fields.bytes, fields.valueStart[host] ?? 0, fields.valueEnd[host] ?? 0).text('\r\n');
  }
  if ((known & (1 << FieldId.X_FORWARDED_PORT)) === 0)
    out.text('X-Forwarded-Port: ').text(String(client.port)).text('\r\n');
}

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
}

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
  const add = connectionField(shape);
  if (!dropped && add === '' && head.version === 11) return false;
  out.begin().text('HTTP/1.1 ').copy(fields.bytes, head.statusStart, head.statusLineEnd);
  out.fields(fields, filter.keep).text(add).text('\r\n');
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
