import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cursorAt, isWithin, nameBytes, readName } from './name.ts';
import {
  MessageFramer,
  RCODE,
  TYPE,
  admit,
  decodeMessage,
  encodeMessage,
  framed,
  srvRdata,
} from './index.ts';
import { questionMessage } from '../testing/message.ts';
import type { Message, ResourceRecord } from './index.ts';

const bytesOf = (m: Message): Uint8Array => encodeMessage(m).bytes.slice();
const edns = { udpPayloadBytes: 4096, version: 0, dnssecOk: false, options: [] };
const header = (flags: number, counts: readonly number[]): number[] => [
  0x12,
  0x34,
  flags >> 8,
  flags & 255,
  ...counts.flatMap((n) => [n >> 8, n & 255]),
];

describe('names', () => {
  it('have one text for each wire form', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(label, { maxLength: 6 }), (labels) => {
        const wire = Uint8Array.from([...labels.flatMap((l) => [l.length, ...l]), 0]);
        const text = readName(cursorAt(wire, 0));
        expect(text).toBeDefined();
        expect(nameBytes(text ?? '')).toEqual(wire);
      }),
    );
  });

  it.each([
    ['without the dot at the end', 'web.mesos'],
    ['with nothing', ''],
    ['with an empty label', 'web..mesos.'],
    ['with an empty label in front', '.mesos.'],
    ['with a label of 64', `${'a'.repeat(64)}.mesos.`],
    ['of 256 bytes', `${'a'.repeat(49)}.`.repeat(5) + 'abcd.'],
    ['that is not ASCII', 'wéb.mesos.'],
    ['with a broken escape', 'a\\1.mesos.'],
    ['with an escape beyond a byte', 'a\\256.mesos.'],
  ])('have no wire form %s', (_what, text) => {
    expect(nameBytes(text)).toBeUndefined();
  });

  it('may have 63 bytes in a label and 255 in all', () => {
    expect(nameBytes(`${'a'.repeat(63)}.mesos.`)).toHaveLength(71);
    expect(nameBytes(`${'a'.repeat(49)}.`.repeat(5) + 'abc.')).toHaveLength(255);
  });

  it('lie within a zone only at a label boundary', () => {
    expect(isWithin('web.mesos.', 'mesos.')).toBe(true);
    expect(isWithin('mesos.', 'mesos.')).toBe(true);
    expect(isWithin('notmesos.', 'mesos.')).toBe(false);
    expect(isWithin('a\\046mesos.', 'mesos.')).toBe(false);
    expect(isWithin('com.', '.')).toBe(true);
  });
});

describe('decodeMessage', () => {
  const name = [3, 119, 119, 119, 0];
  it.each([
    ['a name that points at itself', [0xc0, 12, 0, 1, 0, 1]],
    ['a pointer forward', [0xc0, 14, 0, 1, 0, 1, 0, 0]],
    ['a pointer into the header', [0xc0, 2, 0, 1, 0, 1]],
    ['a label of 64 bytes', [64, ...Array.from({ length: 64 }, () => 97), 0, 0, 1, 0, 1]],
    ['a label of a reserved type', [0x80, 97, 0, 0, 1, 0, 1]],
    ['a name of 256 bytes', [...Array.from({ length: 51 }, () => [4, 97, 97, 97, 97]).flat(), 0, 0, 1, 0, 1]],
    ['a label past the end', [60, 97, 97]],
    ['a question cut short', [...name, 0, 1, 0]],
  ])('refuses %s', (_what, rest) => {
    const bytes = Uint8Array.from([...header(0x0100, [1, 0, 0, 0]), ...rest]);
    expect(decodeMessage(bytes)).toEqual({ ok: false, reason: 'malformed question' });
    expect(admit(bytes)).toEqual({ kind: 'refuse', rcode: RCODE.FORMERR, query: undefined });
  });

  it('refuses two pointers that go round', () => {
    const second = [0xc0, 12 + 5 + 4];
    const bytes = Uint8Array.from([...header(0, [2, 0, 0, 0]), ...name, 0, 1, 0, 1, ...second, 0, 1, 0, 1]);
    expect(decodeMessage(bytes)).toEqual({ ok: false, reason: 'malformed question' });
  });

  it('refuses record data past the end', () => {
    const record = [0, 0, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4];
    const bytes = Uint8Array.from([...header(0, [1, 1, 0, 0]), ...name, 0, 1, 0, 1, ...record]);
    expect(decodeMessage(bytes)).toEqual({ ok: false, reason: 'malformed record' });
  });

  it('reads back what was encoded', () => {
    const rr = (name: string, type: number, rdata: Uint8Array): ResourceRecord => ({
      name,
      type,
      class: 1,
      ttl: 60,
      rdata,
    });
    const m = questionMessage({
      response: true,
      rcode: RCODE.BADVERS,
      answers: [rr('web.marathon.mesos.', TYPE.A, Uint8Array.of(10, 0, 0, 1))],
      authority: [rr('mesos.', TYPE.NS, nameBytes('ns1.mesos.') ?? new Uint8Array())],
      additional: [rr('ns1.mesos.', TYPE.SRV, srvRdata(0, 1, 80, 'x.mesos.') ?? new Uint8Array())],
      edns: { ...edns, dnssecOk: true, options: [{ code: 10, data: Uint8Array.of(1, 2, 3) }] },
    });
    expect(decodeMessage(bytesOf(m))).toEqual({ ok: true, message: m });
  });

  it('writes out names that are compressed inside of record data', () => {
    const mx = [0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 9, 0, 4, 0, 10, 0xc0, 12];
    const bytes = Uint8Array.from([...header(0x8000, [1, 1, 0, 0]), ...name, 0, 15, 0, 1, ...mx]);
    const decoded = decodeMessage(bytes);
    expect(decoded).toMatchObject({
      ok: true,
      message: { answers: [{ rdata: Uint8Array.of(0, 10, 3, 119, 119, 119, 0) }] },
    });
  });
});

describe('admit', () => {
  const query = (more: Partial<Message> = {}): Uint8Array => bytesOf(questionMessage(more));
  const patched = (bytes: Uint8Array, at: number, ...values: number[]): Uint8Array => {
    bytes.set(values, at);
    return bytes;
  };
  const twoOpts = (): Uint8Array => {
    const one = query({ edns });
    return patched(Uint8Array.from([...one, ...one.slice(-11)]), 11, 2);
  };
  const question = { name: 'web.marathon.mesos.', type: TYPE.A, class: 1 };

  it.each<[string, Uint8Array, string, number | undefined]>([
    ['a plain question', query(), 'query', undefined],
    ['a question with EDNS', query({ edns }), 'query', undefined],
    [
      'an option that nobody knows',
      query({ edns: { ...edns, options: [{ code: 100, data: new Uint8Array(3) }] } }),
      'query',
      undefined,
    ],
    [
      'flags that nobody knows',
      patched(query({ edns }), query({ edns }).length - 3, 0x40),
      'query',
      undefined,
    ],
    ['bytes behind the end', Uint8Array.from([...query(), 1, 2, 3]), 'query', undefined],
    ['AD and CD', query({ authenticData: true, checkingDisabled: true }), 'query', undefined],
    ['nothing', new Uint8Array(0), 'ignore', undefined],
    ['eleven bytes', query().slice(0, 11), 'ignore', undefined],
    ['a reply', query({ response: true }), 'ignore', undefined],
    ['a reply that is broken', Uint8Array.from(header(0x8000, [9, 9, 9, 9])), 'ignore', undefined],
    ['a header alone', Uint8Array.from(header(0, [1, 0, 0, 0])), 'refuse', RCODE.FORMERR],
    ['no question', query({ questions: [] }), 'refuse', RCODE.FORMERR],
    ['two questions', query({ questions: [question, question] }), 'refuse', RCODE.FORMERR],
    ['more answers than there are', patched(query(), 7, 1), 'refuse', RCODE.FORMERR],
    ['many answers', patched(query(), 6, 0xff, 0xff), 'refuse', RCODE.FORMERR],
    ['many additional records', patched(query(), 10, 0, 3), 'refuse', RCODE.FORMERR],
    ['two OPT records', twoOpts(), 'refuse', RCODE.FORMERR],
    ['EDNS version 1', query({ edns: { ...edns, version: 1 } }), 'refuse', RCODE.BADVERS],
    ['class CH', query({ questions: [{ ...question, class: 3 }] }), 'refuse', RCODE.REFUSED],
    ['class ANY', query({ questions: [{ ...question, class: 255 }] }), 'refuse', RCODE.REFUSED],
    ['type OPT', query({ questions: [{ ...question, type: TYPE.OPT }] }), 'refuse', RCODE.FORMERR],
    ['AXFR', query({ questions: [{ ...question, type: TYPE.AXFR }] }), 'refuse', RCODE.REFUSED],
    ['IXFR', query({ questions: [{ ...question, type: TYPE.IXFR }] }), 'refuse', RCODE.REFUSED],
    ...[1, 2, 3, 4, 5, 6, 15].map((opcode): [string, Uint8Array, string, number] => [
      `opcode ${opcode}`,
      query({ opcode }),
      'refuse',
      RCODE.NOTIMP,
    ]),
  ])('%s', (_what, bytes, kind, rcode) => {
    const admission = admit(bytes);
    expect(admission.kind).toBe(kind);
    if (admission.kind === 'refuse') expect(admission.rcode).toBe(rcode);
  });
});

describe('encodeMessage within a limit', () => {
  const name = 'web.marathon.mesos.';
  const a = (i: number): ResourceRecord => ({
    name,
    type: TYPE.A,
    class: 1,
    ttl: 60,
    rdata: Uint8Array.of(10, 0, i >> 8, i & 255),
  });
  const soa: ResourceRecord = {
    name: 'mesos.',
    type: TYPE.SOA,
    class: 1,
    ttl: 60,
    rdata: new Uint8Array(60),
  };
  const limits = [512, 1232, 4096, 65535];

  it.each([0, 1, 28, 29, 30, 31, 73, 100, 500, 2000, 5000])('%i answers', (count) => {
    const answers = Array.from({ length: count }, (_, i) => a(i));
    for (const limit of limits) {
      for (const more of [{}, { authority: [soa] }, { additional: [a(9)] }, { edns }] as Partial<Message>[]) {
        const m = questionMessage({ response: true, answers, ...more });
        const encoded = encodeMessage(m, limit);
        expect(encoded.bytes.length).toBeLessThanOrEqual(limit);
        const decoded = decodeMessage(encoded.bytes);
        if (!decoded.ok) throw new Error(decoded.reason);
        const got = decoded.message;
        const full = got.answers.length === count;
        // TC exactly when the answer is incomplete; what is there is a prefix; authority and OPT always stay.
        expect(got.truncated).toBe(!full);
        expect(got.answers).toEqual(answers.slice(0, got.answers.length));
        expect(got.authority).toEqual(m.authority);
        expect(got.edns).toEqual(m.edns);
        // One record more would not have fitted.
        if (!full) expect(encoded.bytes.length + 16).toBeGreaterThan(limit);
        if (got.additional.length < m.additional.length)
          expect(encoded.bytes.length + 16).toBeGreaterThan(limit);
      }
    }
  });

  it('leaves an authority out that does not fit even alone, and says so', () => {
    const encoded = encodeMessage(
      questionMessage({ response: true, authority: [{ ...soa, rdata: new Uint8Array(600) }] }),
      512,
    );
    expect(encoded.bytes.length).toBeLessThanOrEqual(512);
    expect(decodeMessage(encoded.bytes)).toMatchObject({ message: { truncated: true, authority: [] } });
  });

  it('keeps TC away when told so', () => {
    const m = questionMessage({ response: true, answers: Array.from({ length: 100 }, (_, i) => a(i)) });
    const encoded = encodeMessage(m, 512, { setTruncateBit: false });
    expect(encoded.truncated).toBe(true);
    expect(decodeMessage(encoded.bytes)).toMatchObject({
      message: { truncated: false, answers: { length: 29 } },
    });
  });
});

describe('MessageFramer', () => {
  it('gives the same messages however the bytes are cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 50 }), (messages, step) => {
        const stream = Uint8Array.from(messages.flatMap((m) => [...framed(m)]));
        const framer = new MessageFramer();
        const got: Uint8Array[] = [];
        for (let i = 0; i < stream.length; i += step) got.push(...framer.push(stream.subarray(i, i + step)));
        expect(got).toEqual(messages);
        expect(framer.partial).toBe(false);
      }),
    );
  });
});
