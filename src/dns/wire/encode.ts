import { HEADER_BYTES, TCP_LIMIT, TYPE } from './constants.ts';
import type { Edns, Message, ResourceRecord } from './message.ts';
import { Writer } from './writer.ts';

/** What the size of the reply forced. */
export interface Encoded {
  /** Valid until the next call: the buffer is used again. */
  readonly bytes: Uint8Array;
  /** Answers were left out, so the message says TC (unless told not to). */
  readonly truncated: boolean;
}

const writer = new Writer(TCP_LIMIT);

/**
 * Encode within `limit` bytes. What does not fit goes in this order (mesos-dns.md §7.5, RFC 2181 §9): the whole additional section,
 * which costs nothing but a second question; then answers from the end, which sets TC. The authority section and OPT
 * always stay, unless the authority alone does not fit. Names of owners are compressed, names inside record data never are.
 * `setTruncateBit: false` leaves TC off even then, for clients that cannot ask again over TCP.
 * The message's own names must have a wire form; a record whose owner has none is left out.
 */
export function encodeMessage(
  message: Message,
  limit = TCP_LIMIT,
  options: { readonly setTruncateBit?: boolean } = {},
): Encoded {
  writer.reset();
  writer.skip(HEADER_BYTES);
  for (const q of message.questions) {
    writer.name(q.name);
    writer.u16(q.type);
    writer.u16(q.class);
  }
  const optBytes = message.edns ? ednsBytes(message.edns) : 0;
  const room = Math.min(limit, TCP_LIMIT) - optBytes;
  const kept = writeAnswersAndAuthority(message, room);
  let additional = 0;
  if (!kept.cut) {
    const mark = writer.offset;
    for (const r of message.additional) additional += writeRecord(r);
    if (writer.overflowed || writer.offset > room) {
      writer.rewind(mark);
      additional = 0;
    }
  }
  if (message.edns) writeEdns(message.edns, message.rcode);
  const truncated = message.truncated || kept.cut;
  const tc = truncated && options.setTruncateBit !== false;
  writeHeader(message, tc, kept.answers, kept.authority, additional + (message.edns ? 1 : 0));
  return { bytes: writer.bytes(), truncated };
}

interface Kept {
  readonly answers: number;
  readonly authority: number;
  /** Answers were left out for want of room. */
  readonly cut: boolean;
}

/** As many answers as leave room for the authority section. */
function writeAnswersAndAuthority(message: Message, room: number): Kept {
  const ends: number[] = [];
  const start = writer.offset;
  let cut = false;
  for (const r of message.answers) {
    const written = writeRecord(r);
    cut = writer.overflowed || writer.offset > room;
    if (cut) break;
    if (written) ends.push(writer.offset);
  }
  for (;;) {
    if (cut) writer.rewind(ends.at(-1) ?? start);
    const mark = writer.offset;
    let authority = 0;
    for (const r of message.authority) authority += writeRecord(r);
    if (!writer.overflowed && writer.offset <= room) return { answers: ends.length, authority, cut };
    writer.rewind(mark);
    cut = true;
    if (ends.pop() === undefined) return { answers: 0, authority: 0, cut };
  }
}

function writeRecord(record: ResourceRecord): 0 | 1 {
  if (!writer.name(record.name)) return 0;
  writer.u16(record.type);
  writer.u16(record.class);
  writer.u32(record.ttl);
  writer.u16(record.rdata.length);
  writer.raw(record.rdata);
  return 1;
}

function ednsBytes(edns: Edns): number {
  return edns.options.reduce((n, o) => n + 4 + o.data.length, 11);
}

function writeEdns(edns: Edns, rcode: number): void {
  writer.name('.');
  writer.u16(TYPE.OPT);
  writer.u16(edns.udpPayloadBytes);
  writer.u32((((rcode >> 4) & 0xff) << 24) | (edns.version << 16) | (edns.dnssecOk ? 0x8000 : 0));
  writer.u16(ednsBytes(edns) - 11);
  for (const option of edns.options) {
    writer.u16(option.code);
    writer.u16(option.data.length);
    writer.raw(option.data);
  }
}

function writeHeader(m: Message, tc: boolean, answers: number, authority: number, additional: number): void {
  const flags =
    (m.response ? 0x8000 : 0) |
    ((m.opcode & 15) << 11) |
    (m.authoritative ? 0x0400 : 0) |
    (tc ? 0x0200 : 0) |
    (m.recursionDesired ? 0x0100 : 0) |
    (m.recursionAvailable ? 0x0080 : 0) |
    (m.authenticData ? 0x0020 : 0) |
    (m.checkingDisabled ? 0x0010 : 0) |
    (m.rcode & 15);
  writer.header(m.id, flags, m.questions.length, answers, authority, additional);
}
