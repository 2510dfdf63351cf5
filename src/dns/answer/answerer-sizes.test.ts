import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswererBench } from '../testing/answerer.ts';
import { EDNS, decoded, queryBytes, questionMessage } from '../testing/message.ts';
import { EDE, EDNS_OPTION, RCODE, TYPE, decodeMessage, encodeMessage } from '../wire/index.ts';
import type { Edns, EdnsOption, Message } from '../wire/index.ts';
import { OVER_TCP } from './answerer.ts';
import { TableReader } from '../table/index.ts';
import { COUNT } from './counters.ts';
import type { RateLimitSettings } from './rate-limit.ts';

const NAME = 'web.mesos.';
const RECORD = 16;

const asked = (edns: Partial<Edns> | undefined, name = NAME, type: number = TYPE.A): Uint8Array =>
  queryBytes(name, type, { edns: edns && { ...EDNS, ...edns } });
const option = (code: number, ...data: readonly number[]): EdnsOption => ({
  code,
  data: Uint8Array.from(data),
});
const CLIENT_COOKIE = [1, 2, 3, 4, 5, 6, 7, 8];
const cookie = (...data: readonly number[]): EdnsOption => option(EDNS_OPTION.COOKIE, ...data);
const optionOf = (m: Message, code: number): Uint8Array | undefined =>
  m.edns?.options.find((o) => o.code === code)?.data;
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function bench(addresses: number, more: ConstructorParameters<typeof AnswererBench>[0] = {}): AnswererBench {
  const b = new AnswererBench(more);
  b.address4(NAME, ...range(addresses));
  return b;
}

describe('EDNS', () => {
  it('is there when the client sent it, and not otherwise', () => {
    const b = bench(1);
    for (const name of [NAME, 'gone.mesos.', 'example.com.']) {
      expect(b.reply(queryBytes(name)).edns).toBeUndefined();
      for (const dnssecOk of [true, false])
        expect(b.reply(asked({ dnssecOk }, name)).edns).toEqual({ ...EDNS, dnssecOk });
    }
  });

  it('of another version is BADVERS, and its options are not read', () => {
    const reply = bench(1).reply(asked({ version: 1, options: [cookie(1, 2, 3), option(EDNS_OPTION.NSID)] }));
    expect([reply.rcode, reply.edns?.version, reply.edns?.options]).toEqual([RCODE.BADVERS, 0, []]);
    expect(reply.answers).toEqual([]);
  });

  it('with options that nobody knows is as without', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 16, max: 0xffff }), fc.uint8Array({ maxLength: 40 }))),
        (options) => {
          const reply = bench(1).reply(asked({ options: options.map(([code, data]) => ({ code, data })) }));
          expect([reply.rcode, reply.answers.length, reply.edns]).toEqual([0, 1, EDNS]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('names the server (NSID) and says how long TCP may be idle, to who asks, where that has a sense', () => {
    const b = bench(1, { nsid: Uint8Array.of(65, 66), tcpIdleTenths: 300 });
    const request = asked({ options: [option(EDNS_OPTION.TCP_KEEPALIVE), option(EDNS_OPTION.NSID)] });
    expect(b.reply(request).edns?.options).toEqual([option(EDNS_OPTION.NSID, 65, 66)]);
    expect(b.tcp(request).edns?.options).toEqual([
      option(EDNS_OPTION.NSID, 65, 66),
      option(EDNS_OPTION.TCP_KEEPALIVE, 1, 44),
    ]);
    // Nothing of it stays for the next one.
    expect(b.tcp(asked({})).edns?.options).toEqual([]);
    expect(bench(1).reply(request).edns?.options).toEqual([]);
  });

  it('says why: stale answers, and that nothing is known yet', () => {
    const b = bench(1);
    b.writer.setStale(true);
    for (const name of [NAME, 'gone.mesos.'])
      expect(b.reply(asked({}, name)).edns?.options).toEqual([option(EDNS_OPTION.EDE, 0, EDE.STALE_ANSWER)]);
    expect(b.reply(asked({}, 'example.com.')).edns?.options).toEqual([]);
    b.writer.setReady(false);
    const reply = b.reply(asked({}, 'gone.mesos.'));
    expect([reply.rcode, reply.edns?.options]).toEqual([2, [option(EDNS_OPTION.EDE, 0, EDE.NOT_READY)]]);
  });
});

describe('cookies', () => {
  it('are given to who sends one, and known again', () => {
    const b = bench(1);
    const first = optionOf(b.reply(asked({ options: [cookie(...CLIENT_COOKIE)] })), EDNS_OPTION.COOKIE);
    expect([first?.length, [...(first ?? [])].slice(0, 8)]).toEqual([24, CLIENT_COOKIE]);
    b.reply(asked({ options: [cookie(...(first ?? []))] }));
    b.address = Uint8Array.of(192, 0, 2, 2);
    b.reply(asked({ options: [cookie(...(first ?? []))] }));
    const { cookiesValid, cookiesInvalid } = counted(b);
    expect([cookiesValid, cookiesInvalid]).toEqual([1, 1]);
    // The first of several counts.
    b.address = Uint8Array.of(192, 0, 2, 1);
    b.reply(asked({ options: [cookie(...(first ?? [])), cookie(1)] }));
    expect(counted(b).cookiesValid).toBe(2);
    expect(b.reply(asked({})).edns?.options).toEqual([]);
  });

  it('of a length that none has are malformed', () => {
    for (const length of range(45)) {
      const reply = bench(1).reply(asked({ options: [cookie(...range(length))] }));
      const good = length === 8 || (length >= 16 && length <= 40);
      expect([length, reply.rcode, reply.answers.length]).toEqual([
        length,
        good ? 0 : RCODE.FORMERR,
        good ? 1 : 0,
      ]);
      expect(optionOf(reply, EDNS_OPTION.COOKIE)?.length).toBe(good ? 24 : undefined);
    }
  });

  function counted(b: AnswererBench): { cookiesValid: number; cookiesInvalid: number } {
    const { totals } = b.counters;
    return { cookiesValid: totals.of(COUNT.cookiesValid), cookiesInvalid: totals.of(COUNT.cookiesInvalid) };
  }
});

describe('the size of a reply', () => {
  it('is what the client and we can take, at least 512, and cut off records show as TC', () => {
    const b = bench(100, { udpPayloadBytes: 1400 });
    b.writer.setStale(true);
    const sizes = [...range(60).map((i) => 490 + i), ...range(60).map((i) => 1380 + i), 0, 1, 65_535];
    for (const options of [[], [cookie(...CLIENT_COOKIE)]])
      for (const udpPayloadBytes of sizes) {
        const limit = Math.max(512, Math.min(1400, udpPayloadBytes));
        const reply = b.reply(asked({ udpPayloadBytes, options }));
        expect(b.length).toBeLessThanOrEqual(limit);
        expect(b.length + RECORD).toBeGreaterThan(limit);
        expect(reply.truncated).toBe(true);
      }
    expect(b.reply(queryBytes(NAME)).answers).toHaveLength(30);
    expect(b.length).toBeLessThanOrEqual(512);
    expect(b.tcp(queryBytes(NAME)).answers).toHaveLength(100);
  });

  it('is cut at the very byte', () => {
    const b = bench(40);
    const whole = b.bytes(asked({ udpPayloadBytes: 1232 })).length;
    expect(whole).toBeGreaterThan(512);
    for (const less of range(3 * RECORD)) {
      const reply = b.reply(asked({ udpPayloadBytes: whole - less }));
      expect([less, reply.answers.length]).toEqual([less, 40 - Math.ceil(less / RECORD)]);
      expect(reply.truncated).toBe(less > 0);
    }
  });

  it('of services: additional records go first, without TC', () => {
    const b = new AnswererBench();
    for (const i of range(24)) {
      b.service('_s._tcp.mesos.', `t${i + 10}.mesos.`, i);
      b.address4(`t${i + 10}.mesos.`, i);
    }
    const request = (udpPayloadBytes: number): Uint8Array =>
      asked({ udpPayloadBytes }, '_s._tcp.mesos.', TYPE.SRV);
    const whole = b.bytes(request(1232)).length;
    const answers = whole - 24 * RECORD;
    expect(answers).toBeGreaterThan(512);
    for (let size = whole; size >= 512; size--) {
      const reply = b.reply(request(size));
      expect(reply.truncated).toBe(size < answers);
      const additional = size < answers ? 0 : Math.floor((size - answers) / RECORD);
      expect([size, reply.additional.length]).toEqual([size, additional]);
      if (size >= answers) expect(reply.answers).toHaveLength(24);
    }
  });

  it('over TCP goes beyond where pointers reach, up to 65535 bytes, and is not called truncated', () => {
    const b = bench(5_000);
    expect(b.tcp(queryBytes(NAME)).truncated).toBe(false);
    expect(b.length).toBeGreaterThan(65_535 - RECORD);
    for (const i of range(1_500)) {
      b.service('_s._tcp.mesos.', `t${i}.mesos.`, i);
      b.address4(`t${i}.mesos.`, i);
    }
    const reply = b.tcp(queryBytes('_s._tcp.mesos.', TYPE.SRV));
    expect(b.length).toBeGreaterThan(0x4000);
    expect(reply.answers).toHaveLength(1_500);
    expect(reply.additional.length).toBeGreaterThan(0);
    const targets = new Map(reply.additional.map((r) => [r.name, r.rdata[3]]));
    for (const [name, last] of targets) expect(Number(/\d+/.exec(name)?.[0]) & 255).toBe(last);
  });

  it('has room for the longest of everything within 512 bytes', () => {
    const label = 'a'.repeat(63);
    const name = `${label}.${label}.${label}.${'b'.repeat(55)}.mesos.`;
    const b = bench(1, { nsid: new Uint8Array(64) });
    b.address4(name, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    b.writer.setStale(true);
    const options = [cookie(...CLIENT_COOKIE), option(EDNS_OPTION.NSID)];
    b.room = 512;
    for (const asks of [name, `x${name.slice(1)}`]) {
      expect(b.reply(asked({ udpPayloadBytes: 0, options }, asks)).edns?.options).toHaveLength(3);
      expect(b.length).toBeLessThanOrEqual(512);
    }
  });

  it('has TC only where that is wanted', () => {
    const reply = bench(100, { setTruncateBit: false }).reply(queryBytes(NAME));
    expect([reply.truncated, reply.answers.length]).toEqual([false, 30]);
  });

  it('is that of the limit of answers of a name, where it has one', () => {
    const b = bench(10);
    const n = [3, ...Buffer.from('web'), 5, ...Buffer.from('mesos'), 0];
    b.writer.limitAnswers(Uint8Array.from(n), n.length, 3);
    expect(b.reply(queryBytes(NAME))).toMatchObject({ truncated: false, answers: { length: 3 } });
    b.writer.limitAnswers(Uint8Array.from(n), n.length, 50);
    expect(b.reply(queryBytes(NAME)).answers).toHaveLength(10);
  });
});

describe('replies beyond the rate of a client', () => {
  const limit = { perSecond: 1, burst: 2 };
  const rates: RateLimitSettings = {
    limits: [limit, limit, limit],
    ipv4PrefixBits: 24,
    ipv6PrefixBits: 56,
    slipEvery: 2,
  };

  it('are dropped, or slip through empty and truncated; TCP and good cookies are free', () => {
    const b = bench(1, { rates });
    const given = optionOf(b.reply(asked({ options: [cookie(...CLIENT_COOKIE)] })), EDNS_OPTION.COOKIE);
    b.reply(asked({}));
    const lengths = range(4).map(() => {
      const bytes = b.bytes(asked({}));
      if (bytes.length > 0) {
        const { truncated, answers, rcode, questions } = decoded(bytes);
        expect([truncated, answers, rcode, questions.length]).toEqual([true, [], 0, 1]);
      }
      return bytes.length > 0;
    });
    expect(lengths).toEqual([false, true, false, true]);
    expect(b.tcp(asked({})).answers).toHaveLength(1);
    expect(b.reply(asked({ options: [cookie(...(given ?? []))] })).answers).toHaveLength(1);
    // Errors have a limit of their own, also of what could not be read.
    const unreadable = Uint8Array.from([...queryBytes(NAME).slice(0, 12), 0xff]);
    const errors = range(4).map(() => b.bytes(unreadable).length);
    expect(errors).toEqual([12, 12, 0, 12]);
  });
});

describe('the order of records', () => {
  /** Chi-square of so many equally likely cells. */
  const chi = (counts: readonly number[]): number => {
    const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
    return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  };
  /** Beyond this less than one in a hundred thousand (Wilson and Hilferty), and the numbers are the same in every run. */
  const most = (cells: number): number => {
    const k = cells - 1;
    return k * (1 - 2 / (9 * k) + 4.27 * Math.sqrt(2 / (9 * k))) ** 3;
  };
  const RUNS = 6_000;

  it.each([2, 3, 5, 8, 17, 30])('has each of %d at each place equally often', (n) => {
    const b = bench(n);
    const places = range(n).map(() => range(n).map(() => 0));
    for (let i = 0; i < RUNS; i++)
      b.reply(queryBytes(NAME)).answers.forEach((r, place) => {
        const row = places[place] as number[];
        (row[r.rdata[3] as number] as number)++;
      });
    for (const row of places) expect(chi(row)).toBeLessThan(most(n));
  });

  it('has each equally often in what a limit or the size leaves over', () => {
    for (const [count, answers] of [
      [9, 2],
      [60, 0],
    ] as const) {
      const b = bench(count);
      const n = [3, ...Buffer.from('web'), 5, ...Buffer.from('mesos'), 0];
      b.writer.limitAnswers(Uint8Array.from(n), n.length, answers);
      const seen = range(count).map(() => 0);
      for (let i = 0; i < RUNS; i++)
        for (const r of b.reply(queryBytes(NAME)).answers) (seen[r.rdata[3] as number] as number)++;
      expect(Math.min(...seen)).toBeGreaterThan(0);
      expect(chi(seen)).toBeLessThan(most(count));
    }
  });
});

describe('a set of which some were taken back', () => {
  it('answers with what is left, each equally often, also where a record comes while it is read', () => {
    // What happens behind the back of the reader, each after one more look at how many there are.
    const between: (() => void)[] = [];
    class Interrupted extends TableReader {
      override countOf(set: number): number {
        const count = super.countOf(set);
        between.shift()?.();
        return count;
      }
    }
    const b = bench(0, { table: (memory) => new Interrupted(memory, 1) });
    b.address4(NAME, ...range(60));
    b.service('_s._tcp.mesos.', NAME, 1);
    const gone = (n: number): void => b.remove(NAME, TYPE.A, Uint8Array.of(10, 0, 0, n));
    const last = (): number[] => b.tcp(queryBytes(NAME)).answers.map((r) => r.rdata[3] as number);
    for (const n of range(10)) gone(n);
    expect(last().sort((x, y) => x - y)).toEqual(range(50).map((i) => i + 10));
    const seen = range(60).map(() => 0);
    for (let i = 0; i < 5_000; i++) {
      const [address] = b.reply(queryBytes('_s._tcp.mesos.', TYPE.SRV)).additional;
      const n = address?.rdata[3] as number;
      seen[n] = (seen[n] as number) + 1;
    }
    expect(Math.min(...seen.slice(10))).toBeGreaterThan(0);
    expect(Math.max(...seen.slice(0, 10))).toBe(0);
    // Who sees that 10 is gone sees also 99, which was there before that.
    const replace = (n: number, by: number) => () => {
      b.address4(NAME, by);
      gone(n);
    };
    between.push(replace(10, 99), replace(11, 98));
    expect(last().sort((x, y) => x - y)).toEqual([...range(48).map((i) => i + 12), 98, 99]);
    expect(between).toEqual([]);
  });
});

describe('messages in batches', () => {
  it('have nothing of each other', () => {
    const b = bench(3, { nsid: Uint8Array.of(7) });
    const all = [
      asked({ options: [cookie(...CLIENT_COOKIE), option(EDNS_OPTION.NSID)], dnssecOk: true }),
      queryBytes(NAME),
      asked({ version: 3 }),
      encodeMessage(questionMessage({ opcode: 5 })).bytes.slice(),
      asked(undefined, 'gone.mesos.'),
      asked({}, 'web.*.mesos.'),
      queryBytes(NAME).slice(0, 20),
      queryBytes(NAME).slice(0, 7),
    ];
    const alone = all.map((bytes) =>
      lines(new Uint8Array(bench(3, { nsid: Uint8Array.of(7) }).bytes(bytes, OVER_TCP))),
    );
    const pick = fc.array(fc.nat({ max: all.length - 1 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(pick, (order) => {
        for (const i of order) expect(lines(b.bytes(all[i] as Uint8Array, OVER_TCP))).toEqual(alone[i]);
      }),
    );
  });

  /** A reply but for the order of its answers. */
  function lines(bytes: Uint8Array): unknown {
    const said = decodeMessage(bytes);
    if (!said.ok) return bytes.length;
    return { ...said.message, answers: said.message.answers.map((r) => r.rdata.join('.')).sort() };
  }
});
