import { describe, expect, it } from 'vitest';
import { pino } from 'pino';
import type { Logger } from '../../core/log.ts';
import { EDNS, decoded } from '../testing/message.ts';
import { RCODE, TYPE, encodeMessage } from '../wire/index.ts';
import { addressReply, bench, gist, record, replyTo } from './testing/resolver.ts';
import type { Bench } from './testing/resolver.ts';
import type { Script } from './testing/fake-net.ts';

const ADDRESSES = ['10.0.0.1:53', '10.0.0.2:53', '10.0.0.3:53'];
const three = ADDRESSES.map((a) => ({ ip: a.split(':')[0] as string, port: 53 }));
const NO_CACHE = { enabled: false };

const honest = (last: number): Script => {
  return (q, send) => send(addressReply(q, last));
};
const failing = (rcode: number): Script => {
  return (q, send) => send(replyTo(q, { rcode }));
};
const silent: Script = () => {};

function serve(b: Bench, ...scripts: readonly Script[]): number[] {
  const asked = scripts.map(() => 0);
  for (const [i, script] of scripts.entries()) {
    b.net.serve(ADDRESSES[i] as string, (q, send) => {
      asked[i] = (asked[i] as number) + 1;
      script(q, send);
    });
  }
  return asked;
}

/** A log whose lines can be read. */
function logged(): { readonly log: Logger; readonly lines: { msg: string; upstream?: string }[] } {
  const lines: { msg: string; upstream?: string }[] = [];
  const write = (json: string): void => void lines.push(JSON.parse(json) as { msg: string });
  return { log: pino({ level: 'info' }, { write }), lines };
}

describe('the order', () => {
  it('is that of the list, and every reply is final', async () => {
    const b = bench({ resolvers: three, cache: NO_CACHE });
    const asked = serve(b, failing(RCODE.REFUSED), honest(2), honest(3));
    expect((await b.ask('a.example.')).rcode).toBe(RCODE.REFUSED);
    expect(asked).toEqual([1, 0, 0]);
  });

  it('goes on after the codes that the config names, and ends with the first of them', async () => {
    const upstreams = { failoverOn: ['SERVFAIL' as const, 'REFUSED' as const] };
    const b = bench({ resolvers: three, cache: NO_CACHE, upstreams });
    const asked = serve(b, failing(RCODE.REFUSED), failing(RCODE.SERVFAIL), honest(3));
    expect(gist(await b.ask('a.example.'))[1]).toEqual([3]);
    serve(b, failing(RCODE.REFUSED), failing(RCODE.SERVFAIL), failing(RCODE.SERVFAIL));
    expect((await b.ask('a.example.')).rcode).toBe(RCODE.REFUSED);
    expect(asked).toEqual([1, 1, 1]);
  });

  it('goes on after a reply that cannot be read', async () => {
    const b = bench({ resolvers: three, cache: NO_CACHE });
    const torn: Script = (q, send) => {
      const scrap = replyTo(q);
      scrap[7] = 9;
      send(scrap);
    };
    const asked = serve(b, torn, honest(2));
    expect(gist(await b.ask('a.example.'))[1]).toEqual([2]);
    expect([asked, b.counters.forwardFailures]).toEqual([[1, 1], 1]);
  });

  it('is by chance with `random`', async () => {
    const b = bench({ resolvers: three, cache: NO_CACHE, upstreams: { policy: 'random' } });
    const asked = serve(b, honest(1), honest(2), honest(3));
    for (let i = 0; i < 300; i++) await b.ask('a.example.');
    expect(Math.min(...asked)).toBeGreaterThan(50);
    expect(asked.reduce((a, n) => a + n)).toBe(300);
  });

  it('is two at once with `race`: the first reply counts, those that fail are passed over', async () => {
    const b = bench({ resolvers: three, cache: NO_CACHE, upstreams: { policy: 'race' }, timeoutMs: 1_000 });
    const asked = serve(b, silent, honest(2), honest(3));
    for (let i = 0; i < 30; i++) expect((await b.ask('a.example.')).answers).toHaveLength(1);
    expect(asked.reduce((a, n) => a + n)).toBe(60);
    await b.clock.advanceAsync(1_000);
    const before = asked[0] as number;
    for (let i = 0; i < 30; i++) await b.ask('a.example.');
    expect(asked[0]).toBeLessThanOrEqual(before + 5);
  });

  it('is that of the longest zone alone', async () => {
    const zoneResolvers = new Map([
      ['example.', [three[1]]],
      ['deep.example.', [three[2]]],
    ]) as ReadonlyMap<string, typeof three>;
    const b = bench({ resolvers: three.slice(0, 1), zoneResolvers });
    serve(b, honest(1), honest(2), honest(3));
    const answered = async (name: string): Promise<unknown> => gist(await b.ask(name))[1];
    expect(await answered('A.Deep.Example.')).toEqual([3]);
    expect(await answered('deep.example.')).toEqual([3]);
    expect(await answered('notdeep.example.')).toEqual([2]);
    expect(await answered('notexample.')).toEqual([1]);
    expect(await answered('a\\046example.')).toEqual([1]);
  });
});

describe('the health of a resolver', () => {
  it('is lost with two failures in a row, and back with the answer to a probe; the log says both', async () => {
    const { log, lines } = logged();
    const b = bench({ resolvers: three.slice(0, 2), cache: NO_CACHE, log, timeoutMs: 1_000 });
    const asked = serve(b, silent, honest(2));
    const [first] = [...b.resolver.upstreams.all()];
    for (let i = 1; i <= 2; i++) {
      const waiting = b.ask('a.example.');
      await b.clock.advanceAsync(1_000);
      expect(gist(await waiting)[1]).toEqual([2]);
      expect(first?.down).toBe(i === 2);
    }
    // Now nobody waits for it any more.
    expect(gist(await b.ask('a.example.'))[1]).toEqual([2]);
    expect(asked).toEqual([2, 3]);
    await b.clock.advanceAsync(1_600, 100);
    expect(first?.down).toBe(true);
    const probes: string[] = [];
    b.net.serve(ADDRESSES[0] as string, (q, send) => {
      const [question] = decoded(q).questions;
      probes.push(`${question?.name} ${question?.type}`);
      send(replyTo(q, { rcode: RCODE.REFUSED }));
    });
    await b.clock.advanceAsync(5_000, 100);
    expect([first?.down, probes]).toEqual([false, ['. 2']]);
    expect(lines.map((l) => `${l.upstream} ${l.msg.split(';')[0]}`)).toEqual([
      '10.0.0.1:53 a resolver does not answer',
      '10.0.0.1:53 a resolver answers again',
    ]);
    expect([first?.exchanges, first?.failures, first?.replies]).toEqual([2, 2, 0]);
    b.resolver.close();
  });

  it('is asked for all the same when all are down', async () => {
    const b = bench({ resolvers: three.slice(0, 2), cache: NO_CACHE, timeoutMs: 1_000 });
    const asked = serve(b, silent, silent);
    for (let i = 0; i < 3; i++) {
      const waiting = b.ask('a.example.');
      await b.clock.advanceAsync(2_000, 1_000);
      expect((await waiting).rcode).toBe(RCODE.SERVFAIL);
    }
    expect(asked.every((n) => n >= 3)).toBe(true);
    serve(b, honest(1));
    expect(gist(await b.ask('a.example.'))[1]).toEqual([1]);
    b.resolver.close();
  });

  it('is never lost with maxFails 0', async () => {
    const upstreams = { health: { maxFails: 0 } };
    const b = bench({ resolvers: three.slice(0, 1), cache: NO_CACHE, upstreams, timeoutMs: 100 });
    serve(b, silent);
    for (let i = 0; i < 5; i++) {
      const waiting = b.ask('a.example.');
      await b.clock.advanceAsync(100);
      await waiting;
    }
    expect([[...b.resolver.upstreams.all()][0]?.down, b.clock.pending]).toEqual([false, 0]);
  });
});

describe('letters of random case', () => {
  const names = (b: Bench): string[] => {
    const seen: string[] = [];
    b.net.serve(ADDRESSES[0] as string, (q, send) => {
      seen.push(decoded(q).questions[0]?.name ?? '');
      send(addressReply(q));
    });
    return seen;
  };

  it('are sent, or lower case where the config says so', async () => {
    const b = bench({ cache: NO_CACHE });
    const mixed = names(b);
    for (let i = 0; i < 40; i++) await b.ask('long.name.example.');
    expect(new Set(mixed).size).toBeGreaterThan(30);
    expect(new Set(mixed.map((n) => n.toLowerCase()))).toEqual(new Set(['long.name.example.']));
    const off = bench({ cache: NO_CACHE, upstreams: { case0x20: false } });
    const plain = names(off);
    await off.ask('Long.NAME.example.');
    expect(plain).toEqual(['long.name.example.']);
  });

  const fold: Script = (q, send) => {
    const { questions } = decoded(q);
    const folded = questions.map((x) => ({ ...x, name: x.name.toLowerCase() }));
    send(
      replyTo(q, { questions: folded, answers: [record(folded[0]?.name ?? '.', TYPE.A, [192, 0, 2, 9])] }),
    );
  };

  it('are given up for ten minutes for an upstream that folds them over TCP too', async () => {
    const b = bench({ cache: NO_CACHE });
    const seen = { udp: [] as string[], tcp: 0 };
    b.net.serve(
      ADDRESSES[0] as string,
      (q, send) => {
        seen.udp.push(decoded(q).questions[0]?.name ?? '');
        fold(q, send);
      },
      (q, send) => {
        seen.tcp++;
        fold(q, send);
      },
    );
    const name = 'quite.a.long.name.with.many.letters.example.';
    expect(gist(await b.ask(name))[1]).toEqual([9]);
    expect([seen.udp.length, seen.tcp, seen.udp[0] === name]).toEqual([1, 1, false]);
    expect(gist(await b.ask(name))[1]).toEqual([9]);
    expect([seen.udp[1], seen.tcp]).toEqual([name, 1]);
    b.clock.advance(600_000);
    await b.ask(name);
    expect([seen.udp[2] === name, seen.tcp]).toEqual([false, 2]);
    expect(b.counters.forwardRejected).toBe(2);
  });

  it('stay when TCP gives them back: the datagram was somebody else’s', async () => {
    const b = bench({ cache: NO_CACHE });
    b.net.serve(ADDRESSES[0] as string, fold, honest(1));
    expect(gist(await b.ask('some.long.name.example.'))[1]).toEqual([1]);
    const mixed = names(b);
    for (let i = 0; i < 10; i++) await b.ask('some.long.name.example.');
    expect(new Set(mixed).size).toBeGreaterThan(5);
  });
});

describe('what resolvers cannot do', () => {
  it('a reply with TC is fetched again over TCP; the part counts when that fails, and is not kept', async () => {
    const b = bench();
    const part: Script = (q, send) => {
      const { name = '.' } = decoded(q).questions[0] ?? {};
      send(replyTo(q, { truncated: true, answers: [record(name, TYPE.A, [192, 0, 2, 1])] }));
    };
    b.net.serve(ADDRESSES[0] as string, part);
    const cut = await b.ask('a.example.');
    expect([cut.truncated, cut.answers.length, b.resolver.cache.entries]).toEqual([true, 1, 0]);
    b.net.serve(ADDRESSES[0] as string, part, honest(2));
    const whole = await b.ask('a.example.');
    expect([whole.truncated, gist(whole)[1], b.resolver.cache.entries]).toEqual([false, [2], 1]);
  });

  it.each<[string, Script]>([
    ['FORMERR with the question', (q, send) => send(replyTo(q, { rcode: RCODE.FORMERR, edns: undefined }))],
    ['NOTIMP without one', (q, send) => send(bare(q, RCODE.NOTIMP))],
  ])('one that does not know EDNS (%s) is asked without, and stays so', async (_what, refusal) => {
    const b = bench({ cache: NO_CACHE });
    const seen: boolean[] = [];
    b.net.serve(ADDRESSES[0] as string, (q, send) => {
      const edns = decoded(q).edns !== undefined;
      seen.push(edns);
      if (edns) refusal(q, send);
      else send(addressReply(q));
    });
    expect((await b.ask('a.example.', { edns: EDNS })).answers).toHaveLength(1);
    await b.ask('a.example.');
    expect(seen).toEqual([true, false, false]);
  });

  function bare(q: Uint8Array, rcode: number): Uint8Array {
    return encodeMessage({
      ...decoded(q),
      response: true,
      rcode,
      questions: [],
      edns: undefined,
    }).bytes.slice();
  }

  it('our own EDNS goes out: 1232 bytes, the DO bit, none of the options of the client', async () => {
    const b = bench({ cache: NO_CACHE });
    let seen = decoded(new Uint8Array(12));
    b.net.serve(ADDRESSES[0] as string, (q, send) => {
      seen = decoded(q);
      send(addressReply(q));
    });
    const options = [{ code: 8, data: Uint8Array.of(0, 1, 24, 0, 192, 0, 2) }];
    await b.ask('a.example.', { edns: { udpPayloadBytes: 4096, version: 0, dnssecOk: true, options } });
    expect(seen.edns).toEqual({ udpPayloadBytes: 1232, version: 0, dnssecOk: true, options: [] });
    await b.ask('a.example.');
    expect(seen.edns?.dnssecOk).toBe(false);
  });
});
