import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { systemRandom } from '../../core/random.ts';
import { createPortableReactor } from '../../net/index.ts';
import type { DatagramSocket, Peer } from '../../net/index.ts';
import { decoded } from '../testing/message.ts';
import { TYPE, nameBytes } from '../wire/index.ts';
import type { Message, ResourceRecord } from '../wire/index.ts';
import { randomUint16 } from './question.ts';
import { record, replyTo, resolverOn } from './testing/resolver.ts';

// A resolver, and somebody who sees its port but not its questions, send everything that could pass for an answer. The long form
// (RIMROCK_DNS_LONG=1) sends 100,000 forgeries in 10,000 questions, the short one 2,000 in 200.
const LONG = process.env['RIMROCK_DNS_LONG'] === '1';
const QUESTIONS = LONG ? 10_000 : 200;
const EVIL = [6, 6, 6, 6];
const GOOD = [192, 0, 2, 1];

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const evil = (name: string): ResourceRecord => record(name, TYPE.A, EVIL);
const swapCase = (name: string): string => {
  const at = name.search(/[a-z]/i);
  const c = name[at] as string;
  return name.slice(0, at) + (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()) + name.slice(at + 1);
};

/** Forgeries that a server must ignore, each wrong in one thing only. */
function forgeries(question: Uint8Array): Uint8Array[] {
  const { id, questions } = decoded(question);
  const asked = questions[0] ?? { name: '.', type: 0, class: 0 };
  const answers = [evil(asked.name)];
  const of = (more: Partial<Message>): Uint8Array => replyTo(question, { answers, ...more });
  const instead = (more: Partial<typeof asked>): Uint8Array => of({ questions: [{ ...asked, ...more }] });
  return [
    of({ id: (id + 1 + systemRandom.int(65_535)) & 0xffff }),
    of({ id: (id + 1) & 0xffff }),
    instead({ name: `x${asked.name}` }),
    instead({ name: swapCase(asked.name) }),
    instead({ type: TYPE.AAAA }),
    of({ response: false }),
    of({ questions: [] }),
    of({ opcode: 4 }),
  ];
}

/** The true reply, with all that a bad resolver could slip in beside it. */
function loadedReply(question: Uint8Array): Uint8Array {
  const name = decoded(question).questions[0]?.name ?? '.';
  return replyTo(question, {
    answers: [evil('bank.example.'), record(name, TYPE.A, GOOD), evil('www.victim.test.')],
    authority: [record('test.', TYPE.NS, nameBytes('ns.evil.') ?? []), evil('www.victim.test.')],
    additional: [evil('ns.evil.'), evil('bank.example.')],
  });
}

interface Attack {
  readonly port: number;
  readonly seen: { readonly id: number; readonly port: number }[];
  forged: number;
}

async function attack(): Promise<Attack> {
  const reactor = createPortableReactor({ clock: systemClock, log: silentLogger });
  const open = async (
    host: string,
    port: number,
    f: (b: Uint8Array, from: Peer) => void,
  ): Promise<DatagramSocket> => {
    const socket = await reactor.udp({ host, port }, f);
    closing.push(() => socket.close());
    return socket;
  };
  const state: Attack = { port: 0, seen: [], forged: 0 };
  let before: Peer | undefined;
  const upstream: DatagramSocket = await open('127.0.0.1', 0, (bytes, from) => {
    const question = bytes.slice();
    state.seen.push({ id: decoded(question).id, port: from.port });
    const forge = (socket: DatagramSocket, reply: Uint8Array, to = from): void => {
      state.forged++;
      socket.send(reply, to);
    };
    const plain = replyTo(question, { answers: [evil(decoded(question).questions[0]?.name ?? '.')] });
    for (const reply of forgeries(question)) forge(upstream, reply);
    forge(otherPort, plain);
    forge(otherAddress, plain);
    // Too late for the question before: its port is closed.
    if (before) forge(upstream, plain, before);
    before = from;
    upstream.send(loadedReply(question), from);
  });
  const otherPort = await open('127.0.0.1', 0, () => {});
  const otherAddress = await open('127.0.0.2', upstream.address.port, () => {});
  return Object.assign(state, { port: upstream.address.port });
}

const addresses = (m: Message): string[] =>
  [...m.answers, ...m.authority, ...m.additional].map((r) => `${r.name} ${r.rdata.join('.')}`);

describe('a hostile resolver and a forger who knows its port', () => {
  it('get none of their records to a client, nor into the cache', { timeout: 3_600_000 }, async () => {
    const enemy = await attack();
    const reactor = createPortableReactor({ clock: systemClock, log: silentLogger });
    const resolvers = [{ ip: '127.0.0.1', port: enemy.port }];
    const { resolver, counters, ask } = resolverOn(reactor, systemClock, { resolvers });
    closing.push(async () => resolver.close());
    for (let i = 0; i < QUESTIONS; i++) {
      const name = `host-${i}.example.`;
      const got = await ask(name);
      // Exactly one true record: anything more, less or else was forged.
      expect(addresses(got)).toEqual([`${name} ${GOOD.join('.')}`]);
      if (i % 10 === 0) expect(addresses(await ask(name))).toEqual([`${name} ${GOOD.join('.')}`]);
    }
    const asked = enemy.seen.length;
    expect(asked).toBe(QUESTIONS);
    // Names that were slipped in are not known: somebody is asked for them.
    for (const name of ['bank.example.', 'www.victim.test.', 'ns.evil.']) await ask(name);
    expect(enemy.seen.length).toBe(asked + 3);
    expect(enemy.forged).toBeGreaterThanOrEqual(QUESTIONS * 10);
    // All that came to an open port was looked at and refused (the late ones did not get so far).
    expect(counters.forwardRejected).toBeGreaterThan(QUESTIONS * 9);
    const distinct = new Set(enemy.seen.map((s) => s.port)).size;
    // 64,512 ports drawn from: 9,264 distinct ones are expected of 10,000, 199.7 of 200.
    expect(distinct).toBeGreaterThanOrEqual(LONG ? 9_000 : 190);
  });
});

describe('the ids of questions', () => {
  // p > 0.01 with 255 degrees of freedom. A uniform source fails three samples in a row once in 10^5 runs or less.
  const CRITICAL = 310.46;
  const chiSquare = (values: readonly number[]): number => {
    const counts = new Float64Array(256);
    for (const v of values) counts[v] = (counts[v] as number) + 1;
    const expected = values.length / 256;
    return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  };
  it.each([
    ['high', 8],
    ['low', 0],
  ])('are uniform in their %s byte', (_which, shift) => {
    const sample = (): number =>
      chiSquare(Array.from({ length: 10_000 }, () => (randomUint16(systemRandom) >> shift) & 0xff));
    expect(Math.min(sample(), sample(), sample())).toBeLessThan(CRITICAL);
  });

  it('do not tell the next one', () => {
    const ids = Array.from({ length: 10_000 }, () => randomUint16(systemRandom));
    const steps = ids.slice(1).map((id, i) => ((id - (ids[i] as number)) & 0xffff) >> 8);
    const more = Array.from(
      { length: 10_000 },
      () => (randomUint16(systemRandom) - randomUint16(systemRandom)) & 0xff,
    );
    expect(Math.min(chiSquare(steps), chiSquare(more))).toBeLessThan(CRITICAL);
    expect(new Set(ids).size).toBeGreaterThan(9_000);
  });
});
