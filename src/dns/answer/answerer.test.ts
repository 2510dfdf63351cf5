import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswererBench, NEGATIVE_TTL } from '../testing/answerer.ts';
import { decoded, queryBytes, questionMessage } from '../testing/message.ts';
import { RCODE, TYPE, admit, decodeMessage, encodeMessage, nameBytes } from '../wire/index.ts';
import type { Message } from '../wire/index.ts';
import { COLD, LOCAL, OVER_TCP, OVER_UDP } from './answerer.ts';
import { IGNORE, PLAIN, Question } from './question.ts';

const owners = (records: Message['answers']): string[] => records.map((r) => `${r.name}/${r.type}`);
const sections = (m: Message): unknown[] => [m.rcode, ...[m.answers, m.authority, m.additional].map(owners)];
const SOA = ['mesos./6'];
const wire = (name: string): Uint8Array => nameBytes(name) ?? new Uint8Array(1);
const [noerror, nxdomain, refused] = [RCODE.NOERROR, RCODE.NXDOMAIN, RCODE.REFUSED];

function bench(more: ConstructorParameters<typeof AnswererBench>[0] = {}): AnswererBench {
  const b = new AnswererBench(more);
  b.address4('web.marathon.mesos.', 1);
  b.add('web.marathon.mesos.', TYPE.AAAA, Uint8Array.from([0xfd, ...new Uint8Array(14), 1]));
  b.service('_web._tcp.marathon.mesos.', 'web.marathon.mesos.', 31_000);
  b.service('_web._tcp.marathon.mesos.', 'web.marathon.mesos.', 31_001);
  b.service('_web._tcp.marathon.mesos.', 'elsewhere.example.', 31_002);
  b.add('5.0.0.10.in-addr.arpa.', TYPE.PTR, wire('web.marathon.mesos.'));
  return b;
}

describe('what is answered', () => {
  it.each([
    ['web.marathon.mesos.', TYPE.A, [noerror, ['web.marathon.mesos./1'], [], []]],
    ['web.marathon.mesos.', TYPE.AAAA, [noerror, ['web.marathon.mesos./28'], [], []]],
    ['web.marathon.mesos.', TYPE.MX, [noerror, [], SOA, []]],
    ['web.marathon.mesos.', TYPE.SRV, [noerror, [], SOA, []]],
    ['marathon.mesos.', TYPE.A, [noerror, [], SOA, []]],
    ['_tcp.marathon.mesos.', TYPE.ANY, [noerror, [], SOA, []]],
    ['gone.mesos.', TYPE.A, [nxdomain, [], SOA, []]],
    ['gone.mesos.', TYPE.SRV, [nxdomain, [], SOA, []]],
    ['gone.mesos.', TYPE.ANY, [nxdomain, [], SOA, []]],
    ['gone.mesos.', TYPE.SOA, [nxdomain, [], SOA, []]],
    ['mesos.', TYPE.SOA, [noerror, SOA, [], []]],
    ['mesos.', TYPE.NS, [noerror, ['mesos./2'], [], ['ns1.mesos./1']]],
    ['mesos.', TYPE.A, [noerror, [], SOA, []]],
    ['mesos.', TYPE.DS, [noerror, [], SOA, []]],
    ['5.0.0.10.in-addr.arpa.', TYPE.PTR, [noerror, ['5.0.0.10.in-addr.arpa./12'], [], []]],
    // It exists: to say, or to have somebody else say, that it does not would hide its PTR record in caches (RFC 8020).
    ['5.0.0.10.in-addr.arpa.', TYPE.A, [noerror, [], [], []]],
    ['*.5.0.0.10.in-addr.arpa.', TYPE.A, [refused, [], [], []]],
    ['0.0.10.in-addr.arpa.', TYPE.PTR, [refused, [], [], []]],
    ['example.com.', TYPE.A, [refused, [], [], []]],
    ['mesos.example.', TYPE.A, [refused, [], [], []]],
    ['xmesos.', TYPE.A, [refused, [], [], []]],
    ['.', TYPE.NS, [refused, [], [], []]],
    ['web.marathon.mesos.', TYPE.AXFR, [refused, [], [], []]],
    ['web.marathon.mesos.', TYPE.IXFR, [refused, [], [], []]],
  ])('%s of type %d', (name, type, expected) => {
    const reply = bench().reply(queryBytes(name, type));
    expect(sections(reply)).toEqual(expected);
    expect(reply.authoritative).toBe(expected[0] !== refused);
    expect(reply.recursionAvailable).toBe(expected[0] !== refused);
    for (const { ttl, type: t } of reply.authority) expect([t, ttl]).toEqual([TYPE.SOA, NEGATIVE_TTL]);
  });

  it('to services: each target once in the additional section, of both kinds, and none of what is not ours', () => {
    const reply = bench().reply(queryBytes('_WEB._tcp.marathon.MESOS.', TYPE.SRV));
    expect(owners(reply.answers)).toEqual(Array.from({ length: 3 }, () => '_WEB._tcp.marathon.MESOS./33'));
    expect(owners(reply.additional).sort()).toEqual(['web.marathon.mesos./1', 'web.marathon.mesos./28']);
  });

  it('to ANY: one set over UDP, all over TCP', () => {
    const b = bench();
    expect(b.reply(queryBytes('web.marathon.mesos.', TYPE.ANY)).answers).toHaveLength(1);
    expect(owners(b.tcp(queryBytes('web.marathon.mesos.', TYPE.ANY)).answers).sort()).toEqual([
      'web.marathon.mesos./1',
      'web.marathon.mesos./28',
    ]);
    expect(owners(b.tcp(queryBytes('mesos.', TYPE.ANY)).answers).sort()).toEqual(['mesos./2', 'mesos./6']);
  });

  it('repeats the question as it was asked, and of the flags RD and CD alone', () => {
    const question = { name: 'WeB.mArAtHoN.mesos.', type: TYPE.A, class: 1 };
    for (const recursionDesired of [true, false])
      for (const checkingDisabled of [true, false]) {
        const more = { recursionDesired, checkingDisabled, authenticData: true, recursionAvailable: true };
        const reply = bench().reply(encodeMessage(questionMessage({ questions: [question], ...more })).bytes);
        expect(reply).toMatchObject({ id: 0x1234, response: true, recursionDesired, checkingDisabled });
        expect([reply.authenticData, reply.truncated, reply.questions]).toEqual([false, false, [question]]);
        expect(reply.answers[0]?.name).toBe(question.name);
      }
  });

  it('to names as long as there are', () => {
    const label = 'a'.repeat(63);
    const long = `${label}.${label}.${label}.${'b'.repeat(55)}.mesos.`;
    const deep = `${Array.from({ length: 124 }, () => 'd').join('.')}.mesos.`;
    expect([wire(long).length, wire(deep).length]).toEqual([255, 255]);
    const b = bench();
    for (const name of [long, deep]) {
      expect(sections(b.reply(queryBytes(name)))).toEqual([nxdomain, [], SOA, []]);
      b.address4(name, 9);
      expect(sections(b.reply(queryBytes(name.toUpperCase())))[1]).toEqual([`${name.toUpperCase()}/1`]);
      expect(sections(b.reply(queryBytes(name, TYPE.MX)))).toEqual([noerror, [], SOA, []]);
    }
    expect(sections(b.reply(queryBytes(deep.slice(2))))).toEqual([noerror, [], SOA, []]);
  });

  it('before anything is known of the cluster: SERVFAIL for what may come to be, and what is there already', () => {
    const b = bench();
    b.writer.setReady(false);
    expect(sections(b.reply(queryBytes('gone.mesos.')))).toEqual([RCODE.SERVFAIL, [], [], []]);
    expect(sections(b.reply(queryBytes('web.marathon.mesos.', TYPE.MX)))).toEqual([2, [], [], []]);
    expect(b.reply(queryBytes('web.marathon.mesos.')).answers).toHaveLength(1);
    expect(b.reply(queryBytes('example.com.')).rcode).toBe(refused);
  });
});

describe('aliases (CNAME)', () => {
  const aliased = (more: ConstructorParameters<typeof AnswererBench>[0] = {}): AnswererBench => {
    const b = bench(more);
    b.alias('one.mesos.', 'two.mesos.');
    b.alias('two.mesos.', 'web.marathon.mesos.');
    b.alias('loop.mesos.', 'pool.mesos.');
    b.alias('pool.mesos.', 'loop.mesos.');
    b.alias('self.mesos.', 'self.mesos.');
    b.alias('nowhere.mesos.', 'gone.mesos.');
    b.alias('out.mesos.', 'www.example.');
    b.alias('out2.mesos.', 'out.mesos.');
    b.alias('svc.mesos.', '_web._tcp.marathon.mesos.');
    return b;
  };

  it.each([
    ['one.mesos.', TYPE.A, [noerror, ['one.mesos./5', 'two.mesos./5', 'web.marathon.mesos./1'], [], []]],
    ['one.mesos.', TYPE.CNAME, [noerror, ['one.mesos./5'], [], []]],
    ['one.mesos.', TYPE.MX, [noerror, ['one.mesos./5', 'two.mesos./5'], SOA, []]],
    ['nowhere.mesos.', TYPE.A, [nxdomain, ['nowhere.mesos./5'], SOA, []]],
    ['out2.mesos.', TYPE.A, [noerror, ['out2.mesos./5', 'out.mesos./5'], [], []]],
    ['out2.mesos.', TYPE.ANY, [noerror, ['out2.mesos./5'], [], []]],
  ])('%s of type %d', (name, type, expected) => {
    expect(sections(aliased().reply(queryBytes(name, type)))).toEqual(expected);
  });

  it('that lead in circles come to an end', () => {
    for (const name of ['loop.mesos.', 'self.mesos.']) {
      const { rcode, answers } = aliased().reply(queryBytes(name));
      expect([rcode, answers.length]).toEqual([noerror, 8]);
    }
  });

  it('that lead outside are for somebody else, where there is one and the client wants it', () => {
    const b = aliased({ forwards: true });
    b.bytes(queryBytes('out2.mesos.'));
    expect(b.length).toBe(COLD);
    expect(b.reply(queryBytes('out2.mesos.'), LOCAL).answers).toHaveLength(2);
    expect(b.reply(queryBytes('out2.mesos.', TYPE.A, { recursionDesired: false })).answers).toHaveLength(2);
    b.bytes(queryBytes('www.example.'));
    expect(b.length).toBe(COLD);
    expect(b.reply(queryBytes('www.example.'), LOCAL).rcode).toBe(refused);
  });

  it('of services bring the addresses of the targets', () => {
    const reply = aliased().reply(queryBytes('svc.mesos.', TYPE.SRV));
    expect(owners(reply.answers).slice(1)).toEqual(
      Array.from({ length: 3 }, () => '_web._tcp.marathon.mesos./33'),
    );
    expect(reply.additional).toHaveLength(2);
  });
});

describe('names that stand for others', () => {
  const label = 'x'.repeat(62);

  it.each([
    ['web.*.marathon.mesos.', 'web.marathon.mesos.'],
    ['web.*.*.marathon.*.mesos.', 'web.marathon.mesos.'],
    ['web.marathon.mesos.*.', 'web.marathon.mesos.'],
    ['we.*b.marathon.mesos.', 'web.marathon.mesos.'],
    ['we.*.*b.marathon.mesos.', 'web.marathon.mesos.'],
    ['we.**b.marathon.mesos.', undefined],
    ['*.web.marathon.mesos.', undefined],
    ['*web.marathon.mesos.', undefined],
    ['w*eb.marathon.mesos.', undefined],
    [`a.*b.${label}.*yz.marathon.mesos.`, undefined],
    [`web.*.marathon.${label}.*yz.mesos.`, undefined],
    ['*.', undefined],
  ])('%s', (name, same) => {
    const b = bench();
    const edns = { udpPayloadBytes: 1232, version: 0, dnssecOk: false, options: [] };
    const reply = b.reply(queryBytes(name, TYPE.A, { edns }));
    expect(reply.answers.map((r) => r.name)).toEqual(same === undefined ? [] : [name]);
    expect(reply.edns).toBeDefined();
    const outside = name === '*.';
    const denied = outside ? [refused, []] : [name.startsWith('*.') ? noerror : nxdomain, SOA];
    const found = reply.answers.length > 0 ? [noerror, []] : denied;
    expect([reply.rcode, owners(reply.authority)]).toEqual(found);
  });

  it('below another name of a zone: the owner is what was asked', () => {
    const b = bench({ aliases: [{ from: wire('mesos.directory.'), to: wire('mesos.') }] });
    const name = 'Web.marathon.MESOS.directory.';
    expect(sections(b.reply(queryBytes(name)))).toEqual([noerror, [`${name}/1`], [], []]);
    expect(sections(b.reply(queryBytes('gone.mesos.directory.')))).toEqual([
      nxdomain,
      [],
      ['mesos.directory./6'],
      [],
    ]);
    expect(owners(b.reply(queryBytes('mesos.directory.', TYPE.SOA)).answers)).toEqual(['mesos.directory./6']);
    expect(b.reply(queryBytes('directory.')).rcode).toBe(refused);
    expect(b.reply(queryBytes('xmesos.directory.')).rcode).toBe(refused);
  });
});

describe('what is let in', () => {
  const word = fc.integer({ min: 0, max: 0xffff });
  const some = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 255);
  const OPT = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
  const tails = fc.constantFrom(
    [],
    OPT,
    [...OPT, ...OPT],
    [0, 0, 41, 0, 0, 0, 1, 0, 0, 0, 0],
    [1, 97, ...OPT],
    [0xc0, 12, ...OPT.slice(1)],
    [...OPT.slice(0, 10), 4, 0, 3, 0, 0],
    [...OPT.slice(0, 10), 4, 0, 3, 0, 1],
    [...OPT.slice(0, 10), 3, 0, 3, 0],
    [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4, ...OPT],
    [...OPT, 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0],
  );
  const message = fc
    .record({
      flags: fc.oneof(fc.constant(0x0100), word),
      counts: fc.tuple(fc.constantFrom(1, 1, 1, 1, 0, 2), some, some, some),
      name: fc.oneof(
        fc.constantFrom(...['web.marathon.mesos.', '.', 'a.b.', 'WEB.mesos.'].map((n) => [...wire(n)])),
        fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 300 }),
        fc.integer({ min: 240, max: 260 }).map((n) => longName(n)),
      ),
      type: fc.oneof(fc.constantFrom(1, 33, 41, 251, 252, 255), word),
      cls: fc.oneof(fc.constant(1), fc.constant(1), fc.constantFrom(0, 3, 255)),
      tail: fc.oneof(tails, fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 })),
      cut: fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 60 })),
    })
    .map(({ flags, counts, name, type, cls, tail, cut }) => {
      const words = [0x1234, flags, ...counts].flatMap((w) => [w >> 8, w & 255]);
      const bytes = [...words, ...name, type >> 8, type & 255, cls >> 8, cls & 255, ...tail];
      return Uint8Array.from(bytes.slice(0, bytes.length - cut));
    });

  /** A name of so many bytes, though there may be no such name. */
  function longName(n: number): number[] {
    const out: number[] = [];
    while (out.length + 1 < n) {
      const length = Math.min(63, n - out.length - 2);
      out.push(length, ...Array.from({ length }, () => 97));
    }
    return [...out, 0];
  }

  const verdictOf = (bytes: Uint8Array): number => {
    const admission = admit(bytes);
    if (admission.kind === 'query') return PLAIN;
    return admission.kind === 'ignore' ? IGNORE : admission.rcode;
  };

  it('is what the table of admission lets in, whatever the bytes are', () => {
    const q = new Question();
    const seen = new Set<number>();
    const head = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    const otherVersion = Uint8Array.from([...head, 0, 0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 1, 0, 0, 0, 0]);
    fc.assert(
      fc.property(fc.oneof(message, fc.uint8Array({ maxLength: 80 })), (bytes) => {
        const shifted = Uint8Array.from([9, 9, 9, 9, 9, ...bytes, 9, 9, 9]);
        const verdict = q.read(shifted, 5, 5 + bytes.length, 77);
        seen.add(verdict);
        expect(verdict).toBe(verdictOf(bytes));
        const said = decodeMessage(bytes);
        if (verdict !== PLAIN || !said.ok) return;
        expect([q.type, q.edns]).toEqual([said.message.questions[0]?.type, said.message.edns !== undefined]);
        if (said.message.edns) {
          const { udpPayloadBytes, dnssecOk, version } = said.message.edns;
          expect([q.payloadBytes, q.dnssecOk, q.version]).toEqual([udpPayloadBytes, dnssecOk, version]);
        }
      }),
      // The others are met by chance often enough; that of EDNS but twice.
      { numRuns: 20_000, examples: [[otherVersion]] },
    );
    expect([...seen].sort((a, b) => a - b)).toEqual([IGNORE, PLAIN, 1, 4, 5, 16]);
  });

  it('gets a reply that is one, to that question, within its room, or none at all; never a reply to a reply', () => {
    const b = bench();
    fc.assert(
      fc.property(message, fc.constantFrom(OVER_UDP, OVER_TCP), (bytes, mode) => {
        const reply = b.bytes(bytes, mode);
        const verdict = verdictOf(bytes);
        expect(reply.length === 0).toBe(verdict === IGNORE);
        if (verdict === IGNORE) return;
        const { id, response, rcode, questions } = decoded(reply);
        expect([id, response]).toEqual([0x1234, true]);
        // Without OPT, BADVERS is not to be said.
        if (verdict !== PLAIN) expect(rcode).toBe(verdict);
        const said = decodeMessage(bytes);
        if (verdict === PLAIN && said.ok) expect(questions).toEqual(said.message.questions);
        expect(b.bytes(reply, mode)).toHaveLength(0);
      }),
      { numRuns: 3_000 },
    );
  });
});
