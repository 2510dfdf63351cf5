import { QTYPE, header, opt, query, question, record, wireName } from './raw.ts';

/** What must come back: a response code, or nothing at all. */
export interface AdmissionCase {
  readonly name: string;
  readonly bytes: Buffer;
  readonly expected: string;
}

const NAME = 'web.marathon.mesos.';
const ADDRESS: Buffer = Buffer.from([10, 0, 0, 1]);
const A_RECORD = record(NAME, QTYPE.A, 1, 60, ADDRESS);
const NOTHING: Buffer = Buffer.alloc(0);
const REPLY = 0x8000;

function plain(flags: number, counts?: readonly [number, number, number, number], more = NOTHING): Buffer {
  return Buffer.concat([header(counts ? { flags, counts } : { flags }), question(NAME), more]);
}

function option(code: number, length: number, data: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(code, 0);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, data]);
}

function edns(payload: number, ttl = 0, options = NOTHING): Buffer {
  return query(NAME, QTYPE.A, { edns: opt(payload, ttl, options) });
}

/** D3: what stands in the header and around one question decides, before anything is looked up. */
export function admissionCases(): AdmissionCase[] {
  const all: [name: string, expected: string, bytes: Buffer][] = [
    ['an empty datagram', 'silence', NOTHING],
    ['one byte', 'silence', Buffer.from([0x51])],
    ['eleven bytes', 'silence', plain(0x0100).subarray(0, 11)],
    ['a reply', 'silence', plain(REPLY)],
    ['a reply with an answer', 'silence', plain(REPLY, [1, 1, 0, 0], A_RECORD)],
    ['a reply that says FORMERR', 'silence', plain(REPLY | 1)],
    ['a reply to NOTIFY', 'silence', plain(REPLY | (4 << 11))],
    ['a reply of a bare header', 'silence', header({ flags: REPLY, counts: [0, 0, 0, 0] })],
    ['a reply with two questions', 'silence', plain(REPLY, [2, 0, 0, 0], question(NAME))],
    ['a reply with EDNS 1', 'silence', plain(REPLY, [1, 0, 0, 1], opt(1232, 1 << 16))],
    ...[1, 2, 3, 4, 5, 6, 15].map((code): [string, string, Buffer] => [
      `opcode ${code}`,
      'NOTIMP',
      plain(code << 11),
    ]),
    ['no question', 'FORMERR', header({ counts: [0, 0, 0, 0] })],
    ['no question by its count, but one', 'FORMERR', plain(0x0100, [0, 0, 0, 0])],
    ['two questions', 'FORMERR', plain(0x0100, [2, 0, 0, 0], question('api.marathon.mesos.'))],
    ['65,535 questions by the count', 'FORMERR', plain(0x0100, [65_535, 0, 0, 0])],
    ['one record as answer', 'NOERROR', plain(0x0100, [1, 1, 0, 0], A_RECORD)],
    ['two records as answer', 'FORMERR', plain(0x0100, [1, 2, 0, 0], Buffer.concat([A_RECORD, A_RECORD]))],
    ['an answer by the count only', 'FORMERR', plain(0x0100, [1, 1, 0, 0])],
    ['one record as authority', 'NOERROR', plain(0x0100, [1, 0, 1, 0], A_RECORD)],
    ['two records as authority', 'FORMERR', plain(0x0100, [1, 0, 2, 0], Buffer.concat([A_RECORD, A_RECORD]))],
    [
      'three additional records',
      'FORMERR',
      plain(0x0100, [1, 0, 0, 3], Buffer.concat([A_RECORD, A_RECORD, opt()])),
    ],
    ['an additional record that is not OPT', 'NOERROR', plain(0x0100, [1, 0, 0, 1], A_RECORD)],
    ['another record before OPT', 'NOERROR', plain(0x0100, [1, 0, 0, 2], Buffer.concat([A_RECORD, opt()]))],
    ['two OPT records', 'FORMERR', plain(0x0100, [1, 0, 0, 2], Buffer.concat([opt(), opt()]))],
    [
      'OPT that is not of the root',
      'FORMERR',
      plain(0x0100, [1, 0, 0, 1], record('a.', 41, 1232, 0, NOTHING)),
    ],
    ['EDNS 1', 'BADVERS', edns(1232, 1 << 16)],
    ['EDNS 255 with an option', 'BADVERS', edns(1232, 255 << 16, option(100, 0, NOTHING))],
    ['an option nobody knows', 'NOERROR', edns(1232, 0, option(65_001, 3, Buffer.from('abc')))],
    ['EDNS flags nobody knows', 'NOERROR', edns(1232, 0x7fff)],
    ['DO', 'NOERROR', edns(1232, 0x8000)],
    ['a payload size of 0', 'NOERROR', edns(0)],
    ['an option longer than OPT', 'FORMERR', edns(1232, 0, option(100, 9, Buffer.from('ab')))],
    ...[0, 3, 4, 254, 255].map((code): [string, string, Buffer] => [
      `class ${code}`,
      'REFUSED',
      Buffer.concat([header(), question(NAME, QTYPE.A, code)]),
    ]),
    ['AXFR over UDP', 'REFUSED', query('mesos.', QTYPE.AXFR)],
    ['IXFR', 'REFUSED', query('mesos.', QTYPE.IXFR)],
    ['OPT as a question', 'FORMERR', query(NAME, QTYPE.OPT)],
    ['type 0', 'NOERROR', query(NAME, 0)],
    ['type 65535', 'NOERROR', query(NAME, 65_535)],
    ['AA, TC, RA, Z, AD, CD and a response code in a question', 'NOERROR', plain(0x07f3)],
    ['no RD', 'NOERROR', plain(0)],
    ['bytes behind the question', 'NOERROR', plain(0x0100, [1, 0, 0, 0], Buffer.from('more'))],
    ['a name outside of the domain', 'REFUSED', query('example.com.')],
    ['the root', 'REFUSED', query('.', QTYPE.NS)],
  ];
  return all.map(([name, expected, bytes]) => ({ name, expected, bytes }));
}

/** D4: messages that cannot be read, each of another kind. */
export function malformedCases(): { readonly name: string; readonly bytes: Buffer }[] {
  const tail = Buffer.from([0, 1, 0, 1]);
  const asked = (name: readonly number[], end: Buffer = tail): Buffer =>
    Buffer.concat([header(), Buffer.from(name), end]);
  const extra = (bytes: Buffer, counts: [number, number, number, number] = [1, 0, 0, 1]): Buffer =>
    Buffer.concat([header({ counts }), question(NAME), bytes]);
  const long = (label: number, labels: number): number[] =>
    Array.from({ length: labels }, () => [label, ...Array.from({ length: label }, () => 97)]).flat();
  const whole = query(NAME);
  const all: [string, Buffer][] = [
    ['a name that points to itself', asked([0xc0, 12])],
    ['a label and a pointer to it', asked([1, 97, 0xc0, 12])],
    ['two pointers at each other', asked([0xc0, 14, 0xc0, 12])],
    ['a pointer forwards', asked([0xc0, 20])],
    ['a pointer behind the end', asked([0xff, 0xff])],
    ['a pointer into the header', asked([0xc0, 0])],
    ['a pointer cut in half', Buffer.concat([header(), Buffer.from([0xc0])])],
    ['a label of 64 bytes', asked([...long(64, 1), 0])],
    ['a label of type 10', asked([0x80, 0])],
    ['a label of type 01 (RFC 6891 §5)', asked([0x41, 1, 0])],
    ['a bit string label', asked([0x41, 8, 0xff, 0])],
    ['a name of 256 bytes', asked([...long(63, 3), ...long(62, 1), 0])],
    ['a name of 300 bytes', asked([...long(49, 6), 0])],
    ['a name without end', Buffer.concat([header(), Buffer.from(long(63, 3))])],
    ['a label longer than the message', asked([60, 97, 98], NOTHING)],
    ['no type', Buffer.concat([header(), wireName(NAME)])],
    ['half a type', whole.subarray(0, whole.length - 3)],
    ['no class', whole.subarray(0, whole.length - 2)],
    ['half a class', whole.subarray(0, whole.length - 1)],
    ['a header alone', header()],
    ['RDLENGTH behind the end', extra(record(NAME, 1, 1, 60, ADDRESS, 400))],
    ['RDLENGTH 65535', extra(record('.', 41, 1232, 0, NOTHING, 65_535))],
    ['half an RDLENGTH', extra(record('.', 41, 1232, 0, NOTHING).subarray(0, 10))],
    ['a record without TTL', extra(record('.', 41, 1232, 0, NOTHING).subarray(0, 5))],
    ['an owner without type', extra(wireName(NAME))],
    ['an option cut in its header', extra(opt(1232, 0, Buffer.from([0, 10, 0])))],
    ['an option longer than its record', extra(opt(1232, 0, option(10, 200, Buffer.alloc(8))))],
    [
      'an OPT owner that points to itself',
      extra(record(Buffer.from([0xc0, whole.length]), 41, 1232, 0, NOTHING)),
    ],
    ['an SOA whose name runs out of it', extra(record('.', 6, 1, 0, Buffer.from([5, 97])), [1, 0, 1, 0])],
    [
      'an A record of three bytes as answer',
      extra(record('.', 1, 1, 0, Buffer.from([1, 2, 3])).subarray(0, 12), [1, 1, 0, 0]),
    ],
    [
      'a CNAME that points at itself',
      extra(record('.', 5, 1, 0, Buffer.from([0xc0, whole.length + 11])), [1, 1, 0, 0]),
    ],
    ['counts that promise more than is there', extra(opt(), [1, 1, 1, 2])],
  ];
  return all.map(([name, bytes]) => ({ name, bytes }));
}
