import { describe, expect, it } from 'vitest';
import { EDNS, decoded } from '../testing/message.ts';
import { RCODE, TYPE, nameBytes, soaRdata } from '../wire/index.ts';
import type { Message } from '../wire/index.ts';
import { addressReply, bench, gist, record, replyTo } from './testing/resolver.ts';
import type { Bench } from './testing/resolver.ts';

const SERVER = '10.0.0.1:53';
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

/** Serve addresses that count up, so that each answer tells which exchange it came from. */
function counting(b: Bench, ttl = 100): { asked: number; silent: boolean; rcode: number } {
  const state = { asked: 0, silent: false, rcode: 0 };
  b.net.serve(SERVER, (q, send) => {
    state.asked++;
    if (state.silent) return;
    send(state.rcode === 0 ? addressReply(q, state.asked, ttl) : replyTo(q, { rcode: state.rcode }));
  });
  return state;
}

const soa = (owner: string, ttl: number, minimum: number): Message['authority'] => {
  const numbers = { serial: 1, refresh: 1, retry: 1, expire: 1, minimum };
  const rdata = soaRdata({ mname: 'ns.', rname: 'root.', ...numbers }) ?? new Uint8Array();
  return [record(owner, TYPE.SOA, rdata, ttl)];
};

describe('the cache', () => {
  it('counts TTLs down, asks again when they are over, and gives each client its own id, letters and OPT', async () => {
    const b = bench();
    const up = counting(b);
    expect(gist(await b.ask('www.example.com.'))).toEqual([0, [1], [100], undefined]);
    b.clock.advance(99_000);
    const later = await b.ask('WWW.example.COM.', { id: 9, edns: EDNS, transport: 'tcp' });
    expect(gist(later)).toEqual([0, [1], [1], undefined]);
    expect([later.id, later.questions[0]?.name, later.answers[0]?.name, later.edns?.udpPayloadBytes]).toEqual(
      [9, 'WWW.example.COM.', 'WWW.example.COM.', 1232],
    );
    expect([up.asked, later.authoritative, later.recursionAvailable]).toEqual([1, false, true]);
    b.clock.advance(1_000);
    expect(gist(await b.ask('www.example.com.'))).toEqual([0, [2], [100], undefined]);
  });

  it('keeps DO, CD and types apart, and nothing that was asked without RD', async () => {
    const b = bench();
    const up = counting(b);
    const dnssecOk = { edns: { ...EDNS, dnssecOk: true } };
    for (const more of [{}, dnssecOk, { checkingDisabled: true }, { type: TYPE.AAAA }]) {
      await b.ask('a.example.', more);
      await b.ask('a.example.', more);
    }
    expect(up.asked).toBe(5); // AAAA: no SOA record, so it is asked each time
    await b.ask('a.example.', { recursionDesired: false });
    await b.ask('a.example.', { recursionDesired: false });
    expect(up.asked).toBe(7);
  });

  it.each<[string, number, ReturnType<typeof soa>, boolean, number]>([
    ['NXDOMAIN for the smaller of TTL and minimum', RCODE.NXDOMAIN, soa('example.', 600, 50), true, 50],
    ['NODATA likewise', RCODE.NOERROR, soa('example.', 40, 600), true, 40],
    ['neither longer than 900 s', RCODE.NXDOMAIN, soa('example.', 9_999, 9_999), true, 900],
    ['not without a SOA record', RCODE.NXDOMAIN, [], false, 0],
    ['not with that of another zone', RCODE.NXDOMAIN, soa('other.', 600, 600), false, 0],
  ])('keeps "nothing there": %s', async (_what, rcode, authority, kept, seconds) => {
    const b = bench({ cache: { staleSeconds: 0 } });
    let asked = 0;
    b.net.serve(SERVER, (q, send) => {
      asked++;
      send(replyTo(q, { rcode, authority }));
    });
    const first = await b.ask('no.example.');
    expect([first.rcode, first.authority.length]).toEqual([rcode, kept ? 1 : 0]);
    if (kept) b.clock.advance(seconds * 1000 - 1);
    const second = await b.ask('no.example.');
    expect([second.rcode, second.authority[0]?.ttl, asked]).toEqual([
      rcode,
      kept ? 1 : undefined,
      kept ? 1 : 2,
    ]);
    b.clock.advance(1);
    await b.ask('no.example.');
    expect(asked).toBe(kept ? 2 : 3);
  });

  it('limits TTLs, and keeps nothing with TTL 0 unless told to', async () => {
    const b = bench({ cache: { maxTtlSeconds: 60 } });
    counting(b, 90_000);
    expect(gist(await b.ask('a.example.'))[2]).toEqual([60]);
    const zero = bench();
    const asked = counting(zero, 0);
    await zero.ask('a.example.');
    await zero.ask('a.example.');
    expect(asked.asked).toBe(2);
    const raised = bench({ cache: { minTtlSeconds: 5 } });
    const once = counting(raised, 0);
    await raised.ask('a.example.');
    expect([gist(await raised.ask('a.example.'))[2], once.asked]).toEqual([[5], 1]);
  });

  it('stays within its bounds', async () => {
    const b = bench({ cache: { maxEntries: 10 } });
    const up = counting(b);
    for (let i = 0; i < 30; i++) await b.ask(`n${i}.example.`);
    expect([b.resolver.cache.entries, b.resolver.cache.evictions]).toEqual([10, 20]);
    await b.ask('n0.example.');
    expect(up.asked).toBe(31);
    expect(b.resolver.cache.bytes).toBeGreaterThan(10 * 850);
  });

  it('can be switched off', async () => {
    const b = bench({ cache: { enabled: false } });
    const up = counting(b, 90_000);
    expect(gist(await b.ask('a.example.'))[2]).toEqual([90_000]);
    await b.ask('a.example.');
    expect([up.asked, b.resolver.cache.entries]).toEqual([2, 0]);
  });

  it('does not ask again at once after a failure, of a resolver or of all', async () => {
    const b = bench();
    const up = counting(b);
    up.rcode = RCODE.SERVFAIL;
    expect(gist(await b.ask('a.example.', { edns: EDNS }))).toEqual([RCODE.SERVFAIL, [], [], undefined]);
    expect(gist(await b.ask('a.example.', { edns: EDNS }))).toEqual([RCODE.SERVFAIL, [], [], 13]);
    expect(up.asked).toBe(1);
    b.clock.advance(2_000);
    up.rcode = 0;
    expect(gist(await b.ask('a.example.'))[1]).toEqual([2]);
    up.silent = true;
    const dead = b.ask('b.example.', { edns: EDNS });
    await b.clock.advanceAsync(5_000);
    expect(gist(await dead)).toEqual([RCODE.SERVFAIL, [], [], 22]);
    expect(gist(await b.ask('b.example.', { edns: EDNS }))).toEqual([RCODE.SERVFAIL, [], [], 22]);
    expect(up.asked).toBe(3);
  });
});

describe('old answers', () => {
  it('are given when resolvers fail, say so, and are renewed when they are back', async () => {
    const b = bench();
    const up = counting(b);
    await b.ask('a.example.');
    b.clock.advance(101_000);
    up.rcode = RCODE.SERVFAIL;
    expect(gist(await b.ask('a.example.', { edns: EDNS }))).toEqual([0, [1], [30], 3]);
    // For half a minute nobody is bothered.
    b.clock.advance(29_000);
    expect(gist(await b.ask('a.example.', { edns: EDNS }))).toEqual([0, [1], [30], 3]);
    expect(up.asked).toBe(2);
    b.clock.advance(1_000);
    up.rcode = 0;
    expect(gist(await b.ask('a.example.', { edns: EDNS }))).toEqual([0, [3], [100], undefined]);
    expect(b.resolver.staleAnswers).toBe(2);
  });

  it('are given when resolvers take longer than 1.8 s, while the question stays under way', async () => {
    const b = bench();
    counting(b);
    await b.ask('a.example.');
    b.clock.advance(101_000);
    const held: (() => void)[] = [];
    b.net.serve(SERVER, (q, send) => held.push(() => send(addressReply(q, 7))));
    const slow = b.ask('a.example.', { edns: EDNS });
    await b.clock.advanceAsync(1_799);
    expect(b.resolver.staleAnswers).toBe(0);
    await b.clock.advanceAsync(1);
    expect(gist(await slow)).toEqual([0, [1], [30], 3]);
    // Whoever comes now does not wait again.
    expect(gist(await b.ask('a.example.'))[1]).toEqual([1]);
    expect(held).toHaveLength(1);
    held[0]?.();
    await turns();
    expect(gist(await b.ask('a.example.'))).toEqual([0, [7], [300], undefined]);
  });

  it('are NXDOMAIN with code 19, and end', async () => {
    const b = bench({ cache: { staleSeconds: 1_000 } });
    const up = { fail: false };
    b.net.serve(SERVER, (q, send) => {
      if (up.fail) send(replyTo(q, { rcode: RCODE.REFUSED }));
      else send(replyTo(q, { rcode: RCODE.NXDOMAIN, authority: soa('example.', 60, 60) }));
    });
    await b.ask('no.example.');
    up.fail = true;
    b.clock.advance(61_000);
    expect(gist(await b.ask('no.example.', { edns: EDNS }))).toEqual([RCODE.NXDOMAIN, [], [], 19]);
    b.clock.advance(1_000_000);
    expect((await b.ask('no.example.')).rcode).toBe(RCODE.REFUSED);
  });

  it('give way to a "no such name" that is new', async () => {
    const b = bench();
    counting(b);
    await b.ask('a.example.');
    b.clock.advance(101_000);
    b.net.serve(SERVER, (q, send) => send(replyTo(q, { rcode: RCODE.NXDOMAIN })));
    expect((await b.ask('a.example.')).rcode).toBe(RCODE.NXDOMAIN);
    b.net.serve(SERVER, (q, send) => send(replyTo(q, { rcode: RCODE.SERVFAIL })));
    expect((await b.ask('a.example.')).rcode).toBe(RCODE.SERVFAIL);
  });
});

describe('prefetch', () => {
  it('renews a popular answer once, in the last tenth of its life', async () => {
    const b = bench();
    const up = counting(b);
    await b.ask('a.example.');
    await b.ask('a.example.');
    b.clock.advance(89_000);
    await b.ask('a.example.');
    await turns();
    expect(up.asked).toBe(1);
    b.clock.advance(1_000);
    expect(gist(await b.ask('a.example.'))).toEqual([0, [1], [10], undefined]);
    await turns();
    expect([up.asked, b.resolver.prefetches]).toEqual([2, 1]);
    expect(gist(await b.ask('a.example.'))).toEqual([0, [2], [100], undefined]);
  });

  it('is under way once, however many ask meanwhile', async () => {
    const b = bench();
    counting(b);
    for (let i = 0; i < 3; i++) await b.ask('a.example.');
    b.clock.advance(95_000);
    b.net.serve(SERVER, () => {});
    for (let i = 0; i < 3; i++) expect(gist(await b.ask('a.example.'))[1]).toEqual([1]);
    expect([b.resolver.prefetches, b.resolver.underWay]).toEqual([1, 1]);
    b.resolver.close();
  });

  it('leaves unpopular ones alone, and waits after a failure', async () => {
    const b = bench();
    const up = counting(b);
    await b.ask('a.example.');
    b.clock.advance(95_000);
    await b.ask('a.example.');
    await turns();
    expect(up.asked).toBe(1);
    up.rcode = RCODE.SERVFAIL;
    for (let i = 0; i < 5; i++) {
      expect(gist(await b.ask('a.example.'))[1]).toEqual([1]);
      await turns();
    }
    expect(up.asked).toBe(2);
  });
});

describe('limits', () => {
  it('asks one question for all who want it, whatever their transport and EDNS', async () => {
    const b = bench();
    const held: (() => void)[] = [];
    b.net.serve(SERVER, (q, send) => held.push(() => send(addressReply(q))));
    const asking = [
      b.ask('a.example.', { id: 1 }),
      b.ask('A.example.', { id: 2, edns: EDNS }),
      b.ask('a.EXAMPLE.', { id: 3, transport: 'tcp' }),
    ];
    await turns();
    expect([held.length, b.resolver.underWay]).toEqual([1, 1]);
    held[0]?.();
    const replies = await Promise.all(asking);
    expect(replies.map((m) => [m.id, m.questions[0]?.name, m.edns === undefined])).toEqual([
      [1, 'a.example.', true],
      [2, 'A.example.', false],
      [3, 'a.EXAMPLE.', true],
    ]);
    expect([b.resolver.underWay, b.net.open, b.clock.pending]).toEqual([0, 0, 0]);
  });

  it('refuses more than maxForwards, and more than its share to one client', async () => {
    const b = bench({ maxForwards: 8, upstreams: { maxShareOfOneClient: 0.25 } });
    b.net.serve(SERVER, () => {});
    const waiting = [b.ask('a.example.', { ip: '2001:db8::1' }), b.ask('b.example.', { ip: '2001:db8::2' })];
    const greedy = await b.ask('c.example.', { ip: '2001:db8::ffff', edns: EDNS });
    expect([greedy.rcode, greedy.edns?.options[0]?.data.toString()]).toEqual([
      RCODE.SERVFAIL,
      [0, 0, ...Buffer.from('too many questions are under way')].toString(),
    ]);
    for (let i = 0; i < 6; i++) waiting.push(b.ask(`n${i}.example.`, { ip: `192.0.2.${i}` }));
    await turns();
    expect(b.resolver.underWay).toBe(8);
    expect((await b.ask('last.example.', { ip: '198.51.100.1' })).rcode).toBe(RCODE.SERVFAIL);
    // Joining takes no place.
    waiting.push(b.ask('n0.example.', { ip: '198.51.100.1' }));
    await b.clock.advanceAsync(5_000);
    expect((await Promise.all(waiting)).every((m) => m.rcode === RCODE.SERVFAIL)).toBe(true);
    expect([b.resolver.underWay, b.resolver.rejectedForLimits]).toEqual([0, 2]);
    // All places are free again.
    counting(b);
    expect((await b.ask('c.example.', { ip: '2001:db8::1' })).rcode).toBe(0);
  });

  it('refuses whom the list does not name, even what is kept', async () => {
    const b = bench({ recursion: ['192.0.2.0/24'] });
    counting(b);
    expect((await b.ask('a.example.', { ip: '::ffff:192.0.2.7' })).rcode).toBe(0);
    const refused = await b.ask('a.example.', { ip: '198.51.100.1', edns: EDNS });
    expect(gist(refused)).toEqual([RCODE.REFUSED, [], [], 18]);
    expect(refused.recursionAvailable).toBe(false);
  });

  it('refuses when there is nobody to ask', async () => {
    expect((await bench({ resolvers: [] }).ask('a.example.')).rcode).toBe(RCODE.REFUSED);
  });
});

describe('special names', () => {
  const address = (m: Message): string[] => m.answers.map((r) => `${r.type} ${r.rdata.join('.')}`);
  it('are answered here and never leave', async () => {
    const b = bench();
    const up = counting(b);
    expect(address(await b.ask('LocalHost.'))).toEqual(['1 127.0.0.1']);
    expect(address(await b.ask('web.localhost.', { type: TYPE.AAAA }))[0]).toMatch(/^28 0\..*\.1$/);
    const mx = await b.ask('localhost.', { type: TYPE.MX });
    expect([mx.rcode, mx.authority[0]?.name]).toEqual([0, 'localhost.']);
    for (const name of ['a.invalid.', 'abc.onion.', '9.0.0.127.in-addr.arpa.', '1.0.0.0.in-addr.arpa.'])
      expect((await b.ask(name)).rcode).toBe(RCODE.NXDOMAIN);
    const ptr = await b.ask('1.0.0.127.in-addr.arpa.', { type: TYPE.PTR });
    expect(ptr.answers[0]?.rdata).toEqual(nameBytes('localhost.'));
    const ptr6 = await b.ask(`1.${'0.'.repeat(31)}ip6.arpa.`, { type: TYPE.PTR });
    expect(ptr6.answers).toHaveLength(1);
    expect((await b.ask('_dns.resolver.arpa.', { type: 64 })).rcode).toBe(0);
    expect(up.asked).toBe(0);
    await b.ask('1.0.0.10.in-addr.arpa.', { type: TYPE.PTR });
    await b.ask('notlocalhost.');
    expect(up.asked).toBe(2);
  });

  it('are forwarded where the config says so', async () => {
    const off = bench({ localZones: false });
    const up = counting(off);
    await off.ask('localhost.');
    const zone = bench({ zoneResolvers: new Map([['onion.', [{ ip: '10.0.0.1', port: 53 }]]]) });
    const gateway = counting(zone);
    await zone.ask('abc.onion.');
    expect([up.asked, gateway.asked]).toEqual([1, 1]);
  });
});

describe('stopping', () => {
  it('ends what waits, and leaves no socket and no timer', async () => {
    const b = bench({ upstreams: { health: { maxFails: 1 } } });
    b.net.serve(SERVER, () => {});
    const first = b.ask('a.example.');
    await b.clock.advanceAsync(5_000);
    expect((await first).rcode).toBe(RCODE.SERVFAIL);
    const waiting = b.ask('b.example.');
    await turns();
    b.resolver.close();
    expect((await waiting).rcode).toBe(RCODE.SERVFAIL);
    await turns();
    expect([b.net.open, b.clock.pending]).toEqual([0, 0]);
  });
});

it('reads the question of a client that sends bytes beyond letters', async () => {
  const b = bench();
  b.net.serve(SERVER, (q, send) => {
    expect(decoded(q).questions[0]?.name.toLowerCase()).toBe('a\\046b\\000.example.');
    send(addressReply(q));
  });
  const got = await b.ask('A\\046b\\000.example.');
  expect([got.answers.length, got.questions[0]?.name]).toEqual([1, 'A\\046b\\000.example.']);
});
