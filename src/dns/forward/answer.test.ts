import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { questionMessage } from '../testing/message.ts';
import { RCODE, TYPE, decodeMessage, nameBytes } from '../wire/index.ts';
import type { Message, ResourceRecord } from '../wire/index.ts';
import { answerOf, readAnswer } from './answer.ts';
import { pack, render } from './packed.ts';
import { askedOf } from './question.ts';
import type { Asked } from './question.ts';
import { record } from './testing/resolver.ts';

const asked = (more: Partial<Asked> = {}): Asked =>
  askedOf({
    name: 'www.example.',
    type: TYPE.A,
    dnssecOk: false,
    checkingDisabled: false,
    recursionDesired: true,
    ...more,
  });
const reply = (more: Partial<Message>): Message => questionMessage({ response: true, ...more });
const alias = (owner: string, target: string, ttl = 300): ResourceRecord =>
  record(owner, TYPE.CNAME, nameBytes(target) ?? [], ttl);
const a = (owner: string, last = 1, ttl = 300): ResourceRecord =>
  record(owner, TYPE.A, [192, 0, 2, last], ttl);
const told = (answer: { readonly answers: readonly ResourceRecord[] }): string[] =>
  answer.answers.map((r) => `${r.name} ${r.type} ${r.rdata.at(-1)}`);

describe('what belongs to an answer', () => {
  it('is the records of the question’s name and type, by way of aliases in whatever order', () => {
    const got = answerOf(
      reply({
        answers: [
          a('c.example.', 7, 50),
          a('bank.example.', 66),
          alias('B.example.', 'c.example.', 20),
          alias('www.EXAMPLE.', 'b.example.'),
        ],
        additional: [a('ns.example.', 66)],
        authority: [record('com.', TYPE.NS, nameBytes('evil.') ?? [])],
      }),
      asked(),
    );
    expect(told(got)).toEqual(['www.EXAMPLE. 5 0', 'B.example. 5 0', 'c.example. 1 7']);
    expect([got.kind, got.ttlSeconds, got.authority]).toEqual(['positive', 20, []]);
  });

  it('is nothing of another name, type or class', () => {
    const answers = [a('evil.'), record('www.example.', TYPE.MX, [0]), { ...a('www.example.'), class: 3 }];
    const got = answerOf(reply({ answers }), asked());
    expect([got.kind, got.answers, got.ttlSeconds]).toEqual(['nodata', [], 0]);
  });

  it('ends with aliases in a circle, and after sixteen', () => {
    const circle = [alias('www.example.', 'b.'), alias('b.', 'www.example.'), alias('self.', 'self.')];
    expect(answerOf(reply({ answers: circle }), asked()).answers).toHaveLength(2);
    expect(answerOf(reply({ answers: circle }), asked({ name: 'self.' })).answers).toHaveLength(1);
    const long = Array.from({ length: 40 }, (_, i) => alias(i === 0 ? 'www.example.' : `${i}.`, `${i + 1}.`));
    expect(answerOf(reply({ answers: long }), asked()).answers.length).toBeLessThanOrEqual(17);
  });

  it('is a DNAME above the name, with the alias made of it', () => {
    const answers = [
      record('example.', TYPE.DNAME, nameBytes('test.') ?? []),
      alias('www.example.', 'www.test.'),
      a('www.test.', 3),
    ];
    expect(told(answerOf(reply({ answers }), asked()))).toEqual([
      'example. 39 0',
      'www.example. 5 0',
      'www.test. 1 3',
    ]);
  });

  it('is everything at the name for ANY, and the alias itself for CNAME', () => {
    const answers = [a('www.example.'), record('www.example.', TYPE.MX, [9]), a('evil.')];
    expect(answerOf(reply({ answers }), asked({ type: TYPE.ANY })).answers).toHaveLength(2);
    const aliases = [alias('www.example.', 'b.'), alias('b.', 'c.')];
    expect(answerOf(reply({ answers: aliases }), asked({ type: TYPE.CNAME })).answers).toHaveLength(1);
  });

  it('has signatures and proofs only for who asked for them', () => {
    const signature = record('www.example.', 46, [0, TYPE.A, 1]);
    const other = record('www.example.', 46, [0, TYPE.MX, 1]);
    const message = reply({
      answers: [a('www.example.'), signature, other],
      authority: [record('example.', 47, [1])],
    });
    expect(answerOf(message, asked()).answers).toHaveLength(1);
    const secure = answerOf(message, asked({ dnssecOk: true }));
    expect([secure.answers.length, secure.authority.length]).toEqual([2, 1]);
  });

  it('takes a TTL with the top bit set for 0 (RFC 2181 §8)', () => {
    expect(answerOf(reply({ answers: [a('www.example.', 1, 0x8000_0001)] }), asked()).ttlSeconds).toBe(0);
  });

  it('is the referral for a question without RD', () => {
    const authority = ['example.', 'evil.'].map((z) => record(z, TYPE.NS, nameBytes('ns.') ?? []));
    const got = answerOf(reply({ authority }), asked({ recursionDesired: false }));
    expect(got.authority.map((r) => r.name)).toEqual(['example.']);
  });
});

describe('any bytes', () => {
  const question = questionMessage({ questions: [{ name: 'WWW.example.', type: TYPE.A, class: 1 }] });
  const asker = {
    query: { message: question, question: question.questions[0] ?? { name: '.', type: 0, class: 0 } },
    question: Uint8Array.from([...(nameBytes('WWW.example.') ?? []), 0, 1, 0, 1]),
    transport: 'udp' as const,
  };
  const options = { udpPayloadBytes: 1232, setTruncateBit: true };

  it('are an answer that can be read again and fits, or none', () => {
    const head = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(4), fc.nat(3), fc.nat(3));
    const name = fc.constantFrom([0xc0, 12], [3, 119, 119, 119, 0], [0], [0xc0, 16]);
    const oneRecord = fc
      .tuple(
        name,
        fc.constantFrom(1, 5, 2, 6, 28, 39, 46, 47),
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(0xffffffff),
      )
      .map(([owner, type, data, ttl]) => {
        const ttlBytes = [24, 16, 8, 0].map((s) => (ttl >>> s) & 0xff);
        return [...owner, 0, type, 0, 1, ...ttlBytes, 0, data.length, ...data];
      });
    const body = fc.oneof(
      fc.array(oneRecord, { maxLength: 30 }).map((all) => all.flat()),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => [...bytes]),
    );
    fc.assert(
      fc.property(head, body, fc.boolean(), ([f1, f2, an, ns, ar], rest, dnssecOk) => {
        const header = [0, 0, f1, f2, 0, 1, 0, an, 0, ns, 0, ar];
        const what = asked({ dnssecOk });
        const got = readAnswer(Uint8Array.from([...header, ...asker.question, ...rest]), what);
        const packed = got && pack(got, what, { minTtlSeconds: 0, maxTtlSeconds: 100 });
        if (!packed) return;
        const { bytes, cut } = render(packed, asker, { ...options, ageSeconds: 10 });
        const again = decodeMessage(bytes);
        if (!again.ok) throw new Error(again.reason);
        expect(bytes.length).toBeLessThanOrEqual(512);
        expect(again.message.questions).toEqual(question.questions);
        expect(cut).toBe(again.message.truncated);
        for (const r of [...again.message.answers, ...again.message.authority])
          expect(r.ttl).toBeLessThanOrEqual(90);
        if (!dnssecOk) expect(again.message.authority.every((r) => r.type === TYPE.SOA)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with a code beyond 15 are no answer', () => {
    const header = [0, 0, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    const opt = [0, 0, 41, 4, 0, 1, 0, 0, 0, 0, 0];
    const message = Uint8Array.from([...header, ...asker.question, ...opt]);
    expect(readAnswer(message, asked())).toBeUndefined();
    message[message.length - 6] = 0;
    expect(readAnswer(message, asked())?.rcode).toBe(RCODE.NOERROR);
  });
});
