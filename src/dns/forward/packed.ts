import {
  EDNS_OPTION,
  HEADER_BYTES,
  RCODE,
  TCP_LIMIT,
  TYPE,
  copyOf,
  decodeMessage,
  encodeMessage,
  questionEnd,
  u16,
  udpLimit,
} from '../wire/index.ts';
import type { Query } from '../wire/index.ts';
import type { Answer } from './answer.ts';
import type { Asked } from './question.ts';

const OPT_BYTES = 11;

/** An answer as the bytes that a client gets but for its id, flags, letters, TTLs and OPT: to give it again is to copy it. */
export interface Packed {
  readonly kind: Answer['kind'];
  readonly rcode: number;
  readonly authenticData: boolean;
  readonly truncated: boolean;
  readonly bytes: Uint8Array;
  /** Where the TTLs stand. */
  readonly ttlsAt: readonly number[];
}

export interface TtlLimits {
  readonly minTtlSeconds: number;
  readonly maxTtlSeconds: number;
}

/** Undefined when it does not fit a message any more: names inside of records are written out. */
export function pack(answer: Answer, asked: Asked, limits: TtlLimits): Packed | undefined {
  const limited = (ttl: number): number => {
    const sound = ttl > 0x7fff_ffff ? 0 : ttl;
    return Math.min(limits.maxTtlSeconds, Math.max(limits.minTtlSeconds, sound));
  };
  const { kind, rcode, authenticData, truncated } = answer;
  const encoded = encodeMessage({
    id: 0,
    response: true,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: false,
    recursionAvailable: true,
    authenticData: false,
    checkingDisabled: false,
    rcode,
    questions: [{ name: asked.name, type: asked.type, class: 1 }],
    answers: answer.answers.map((r) => ({ ...r, ttl: limited(r.ttl) })),
    authority: answer.authority.map((r) => ({ ...r, ttl: limited(r.ttl) })),
    additional: [],
    edns: undefined,
  });
  if (encoded.truncated) return undefined;
  const bytes = copyOf(encoded.bytes);
  return { kind, rcode, authenticData, truncated, bytes, ttlsAt: findTtls(bytes) };
}

/** SERVFAIL (say) of our own making. */
export function packedFailure(asked: Asked, rcode: number = RCODE.SERVFAIL): Packed {
  const nothing = { authenticData: false, truncated: false, answers: [], authority: [], ttlSeconds: 0 };
  const packed = pack({ kind: 'failure', rcode, ...nothing }, asked, { minTtlSeconds: 0, maxTtlSeconds: 0 });
  if (!packed) throw new Error('a reply without records always fits');
  return packed;
}

function findTtls(bytes: Uint8Array): number[] {
  const found: number[] = [];
  let at = questionEnd(bytes);
  for (let n = u16(bytes, 6) + u16(bytes, 8); n > 0; n--) {
    while (bytes[at] !== 0 && (bytes[at] as number) < 0xc0) at += (bytes[at] as number) + 1;
    at += bytes[at] === 0 ? 1 : 2;
    found.push(at + 4);
    at += 10 + u16(bytes, at + 8);
  }
  return found;
}

/** An Extended DNS Error (RFC 8914) with its text. */
export interface Ede {
  readonly code: number;
  readonly text?: string;
}

export interface RenderOptions {
  /** Seconds to take off every TTL, or the TTL to say instead. */
  readonly ageSeconds?: number;
  readonly ttlSeconds?: number;
  readonly ede?: Ede | undefined;
  readonly udpPayloadBytes: number;
  readonly setTruncateBit: boolean;
  readonly recursionAvailable?: boolean;
}

/** Who asks, as far as the form of the reply goes. */
export interface Asker {
  readonly query: Query;
  /** The question section of the query, a copy. */
  readonly question: Uint8Array;
  readonly transport: 'udp' | 'tcp';
}

/** The reply for one client, in its own memory, within the client's limit. `cut` when answers had to go. */
export function render(
  packed: Packed,
  asker: Asker,
  options: RenderOptions,
): { readonly bytes: Uint8Array; readonly cut: boolean } {
  const { query, question, transport } = asker;
  const { edns } = query.message;
  const opt = edns ? optBytes(edns.dnssecOk, options) : undefined;
  const bytes = new Uint8Array(packed.bytes.length + (opt?.length ?? 0));
  bytes.set(packed.bytes);
  bytes.set(question, HEADER_BYTES);
  writeFlags(bytes, packed, query, options);
  const ttls = new DataView(bytes.buffer);
  const { ttlSeconds, ageSeconds = 0 } = options;
  for (const at of packed.ttlsAt) {
    ttls.setUint32(at, ttlSeconds ?? Math.max(0, ttls.getUint32(at) - ageSeconds));
  }
  if (opt) {
    bytes.set(opt, packed.bytes.length);
    bytes[11] = 1;
  }
  const udp = transport === 'udp';
  const limit = udp ? udpLimit(query.message, options.udpPayloadBytes) : TCP_LIMIT;
  if (packed.truncated && udp && options.setTruncateBit) bytes[2] = (bytes[2] as number) | 0x02;
  if (bytes.length <= limit) return { bytes, cut: packed.truncated };
  return { bytes: cutTo(bytes, limit, udp && options.setTruncateBit), cut: true };
}

function writeFlags(bytes: Uint8Array, packed: Packed, query: Query, options: RenderOptions): void {
  const { message } = query;
  // Who sets neither AD nor DO may not know what AD means (RFC 6840 §5.8).
  const authentic = packed.authenticData && (message.authenticData || message.edns?.dnssecOk === true);
  bytes[0] = message.id >> 8;
  bytes[1] = message.id;
  bytes[2] = 0x80 | (message.recursionDesired ? 1 : 0);
  bytes[3] =
    (options.recursionAvailable === false ? 0 : 0x80) |
    (authentic ? 0x20 : 0) |
    (message.checkingDisabled ? 0x10 : 0) |
    packed.rcode;
}

/** Too large: by the rule of all our answers. */
function cutTo(bytes: Uint8Array, limit: number, setTruncateBit: boolean): Uint8Array {
  const decoded = decodeMessage(bytes);
  if (!decoded.ok) throw new Error(`a reply of our own cannot be read: ${decoded.reason}`);
  return copyOf(encodeMessage(decoded.message, limit, { setTruncateBit }).bytes);
}

function optBytes(dnssecOk: boolean, { ede, udpPayloadBytes }: RenderOptions): Uint8Array {
  const text = Buffer.from(ede?.text ?? '');
  const bytes = new Uint8Array(OPT_BYTES + (ede ? 6 + text.length : 0));
  const view = new DataView(bytes.buffer);
  view.setUint16(1, TYPE.OPT);
  view.setUint16(3, udpPayloadBytes);
  view.setUint16(7, dnssecOk ? 0x8000 : 0);
  if (!ede) return bytes;
  view.setUint16(9, bytes.length - OPT_BYTES);
  view.setUint16(OPT_BYTES, EDNS_OPTION.EDE);
  view.setUint16(OPT_BYTES + 2, 2 + text.length);
  view.setUint16(OPT_BYTES + 4, ede.code);
  bytes.set(text, OPT_BYTES + 6);
  return bytes;
}
