import { copyOf, u16 } from './bytes.ts';
import { HEADER_BYTES, TYPE } from './constants.ts';
import type { Edns, EdnsOption, Message, Question, ResourceRecord } from './message.ts';
import { cursorAt, readName } from './name.ts';
import type { Cursor } from './name.ts';
import { readRdata } from './rdata.ts';

export type DecodedMessage =
  | { readonly ok: true; readonly message: Message }
  | { readonly ok: false; readonly reason: string };

/** Decode a whole message. Never throws; bytes behind the last record are ignored, as every server does. */
export function decodeMessage(bytes: Uint8Array): DecodedMessage {
  if (bytes.length < HEADER_BYTES) return fail('shorter than a header');
  const cursor = cursorAt(bytes, HEADER_BYTES);
  const questions: Question[] = [];
  for (let n = u16(bytes, 4); n > 0; n--) {
    const question = readQuestion(cursor);
    if (!question) return fail('malformed question');
    questions.push(question);
  }
  const answers = readRecords(cursor, u16(bytes, 6));
  const authority = answers && readRecords(cursor, u16(bytes, 8));
  const additional = authority && readRecords(cursor, u16(bytes, 10));
  if (!answers || !authority || !additional) return fail('malformed record');
  const opts = additional.filter((r) => r.type === TYPE.OPT);
  if (opts.length > 1) return fail('more than one OPT record');
  const opt = opts[0];
  const edns = opt && readEdns(opt);
  if (opt && !edns) return fail('malformed OPT record');
  const flags = u16(bytes, 2);
  return {
    ok: true,
    message: {
      id: u16(bytes, 0),
      response: (flags & 0x8000) !== 0,
      opcode: (flags >> 11) & 15,
      authoritative: (flags & 0x0400) !== 0,
      truncated: (flags & 0x0200) !== 0,
      recursionDesired: (flags & 0x0100) !== 0,
      recursionAvailable: (flags & 0x0080) !== 0,
      authenticData: (flags & 0x0020) !== 0,
      checkingDisabled: (flags & 0x0010) !== 0,
      rcode: (flags & 15) | (opt ? (opt.ttl >>> 24) << 4 : 0),
      questions,
      answers,
      authority,
      additional: opt ? additional.filter((r) => r !== opt) : additional,
      edns,
    },
  };
}

function fail(reason: string): DecodedMessage {
  return { ok: false, reason };
}

function readQuestion(cursor: Cursor): Question | undefined {
  const name = readName(cursor);
  const at = cursor.offset;
  if (name === undefined || at + 4 > cursor.bytes.length) return undefined;
  cursor.offset = at + 4;
  return { name, type: u16(cursor.bytes, at), class: u16(cursor.bytes, at + 2) };
}

function readRecords(cursor: Cursor, count: number): ResourceRecord[] | undefined {
  const records: ResourceRecord[] = [];
  for (let n = count; n > 0; n--) {
    const name = readName(cursor);
    const at = cursor.offset;
    if (name === undefined || at + 10 > cursor.bytes.length) return undefined;
    const type = u16(cursor.bytes, at);
    cursor.offset = at + 10;
    const rdata = readRdata(cursor, type, u16(cursor.bytes, at + 8));
    if (!rdata) return undefined;
    const ttl = u16(cursor.bytes, at + 4) * 65536 + u16(cursor.bytes, at + 6);
    records.push({ name, type, class: u16(cursor.bytes, at + 2), ttl, rdata });
  }
  return records;
}

/** RFC 6891 §6.1: owner is the root, the class is the payload size, the TTL holds version and flags. */
function readEdns(opt: ResourceRecord): Edns | undefined {
  if (opt.name !== '.') return undefined;
  const options: EdnsOption[] = [];
  const { rdata } = opt;
  for (let at = 0; at < rdata.length;) {
    if (at + 4 > rdata.length) return undefined;
    const end = at + 4 + u16(rdata, at + 2);
    if (end > rdata.length) return undefined;
    options.push({ code: u16(rdata, at), data: copyOf(rdata, at + 4, end) });
    at = end;
  }
  return {
    udpPayloadBytes: opt.class,
    version: (opt.ttl >>> 16) & 0xff,
    dnssecOk: (opt.ttl & 0x8000) !== 0,
    options,
  };
}
