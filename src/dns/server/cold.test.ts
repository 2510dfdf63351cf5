import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { systemRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { COOKIE, Cookies, newCookieSecrets } from '../answer/cookies.ts';
import { COUNT } from '../answer/counters.ts';
import { newRateTable } from '../answer/rate-limit.ts';
import { guardsOf } from '../answer/thread-guards.ts';
import { DnsCounters } from '../metrics.ts';
import type { DnsTransport } from '../metrics.ts';
import { EDNS, decoded, queryBytes } from '../testing/message.ts';
import { CLASS_IN, RCODE, TYPE, emptyReply } from '../wire/index.ts';
import type { Message, Reply } from '../wire/index.ts';
import { clientBytes } from './client-bytes.ts';
import { ColdQuestions } from './cold.ts';

const ADDRESS = { name: 'www.example.', type: TYPE.A, class: CLASS_IN, ttl: 5, rdata: new Uint8Array(4) };
const FOUND = emptyReply(RCODE.NOERROR, { answers: [ADDRESS] });

/** Questions that one stage replies to, for clients that may have a reply of each kind a second. */
function limited({ slipEvery = 1, reply = FOUND }: { slipEvery?: number; reply?: Reply } = {}) {
  const clock = new FakeClock();
  const counters = new DnsCounters();
  const cookieSecrets = newCookieSecrets(systemRandom);
  const one = { perSecond: 1, burst: 1 };
  const settings = { limits: [one, one, one] as const, ipv4PrefixBits: 24, ipv6PrefixBits: 56, slipEvery };
  const table = newRateTable(10, systemRandom, clock.now() * 1000);
  const cold = new ColdQuestions({
    stages: [{ name: 'test', decide: () => ({ kind: 'reply', reply }) }],
    settings: { udpPayloadBytes: 1232, setTruncateBit: true },
    counters,
    log: silentLogger,
    clock,
    own: { cookies: new Cookies(cookieSecrets), nsid: new Uint8Array(0), tcpIdleTenths: 300 },
    guards: guardsOf({ cookieSecrets, rates: { table, settings }, exempt: ['192.0.2.0/24'] }),
  });
  const ask = async (ip: string, more: Partial<Message> = {}, by: DnsTransport = 'udp') => {
    const bytes = await cold.resolve(queryBytes('www.example.', TYPE.A, more), by, ip);
    return bytes && decoded(bytes);
  };
  return { clock, counters, cookies: new Cookies(cookieSecrets), ask };
}

const withCookie = (data: Uint8Array): Partial<Message> => ({
  edns: { ...EDNS, options: [{ code: 10, data }] },
});

describe('replies over UDP that the table does not give', () => {
  it('are limited for each network of clients, and come again with time', async () => {
    const { clock, counters, ask } = limited();
    expect((await ask('10.0.0.1'))?.answers).toHaveLength(1);
    const slipped = await ask('10.0.0.2', { edns: EDNS, checkingDisabled: true, id: 9 });
    expect(slipped).toMatchObject({ id: 9, truncated: true, rcode: 0, checkingDisabled: true });
    expect([slipped?.answers, slipped?.edns, slipped?.questions[0]?.name]).toEqual([
      [],
      undefined,
      'www.example.',
    ]);
    expect((await ask('10.0.1.1'))?.answers).toHaveLength(1);
    clock.advance(1_000);
    expect((await ask('10.0.0.2'))?.answers).toHaveLength(1);
    expect(counters.totals.of(COUNT.rateSlipped)).toBe(1);
  });

  it('are dropped where none is to slip through; refusals too', async () => {
    const { counters, ask } = limited({ slipEvery: 0, reply: emptyReply(RCODE.REFUSED) });
    expect((await ask('10.0.0.1'))?.rcode).toBe(RCODE.REFUSED);
    expect([await ask('10.0.0.1'), counters.totals.of(COUNT.rateDropped)]).toEqual([undefined, 1]);
  });

  it('are not limited for who shows a good cookie, asks over TCP or is exempt', async () => {
    const { ask } = limited();
    const first = await ask('10.0.0.1', withCookie(new Uint8Array(8)));
    const ours = first?.edns?.options[0]?.data ?? new Uint8Array(8);
    expect((await ask('10.0.0.1', withCookie(ours.map((b) => b ^ 1))))?.truncated).toBe(true);
    expect((await ask('10.0.0.2', withCookie(ours)))?.truncated).toBe(true);
    expect((await ask('10.0.0.1', withCookie(ours)))?.answers).toHaveLength(1);
    expect((await ask('10.0.0.1', {}, 'tcp'))?.answers).toHaveLength(1);
    for (let i = 0; i < 3; i++) expect((await ask('192.0.2.1'))?.answers).toHaveLength(1);
  });
});

it('a cookie for a client on a link is good where clients are known by the bytes of their address', async () => {
  const { ask, cookies, clock } = limited();
  const first = await ask('fe80::1%eth0', withCookie(new Uint8Array(8)));
  const ours = first?.edns?.options[0]?.data ?? new Uint8Array(0);
  const address = clientBytes('fe80::1');
  expect([address[0], address[15]]).toEqual([0xfe, 1]);
  const nowSeconds = Math.floor(clock.now() / 1000);
  expect(cookies.check(ours, 0, ours.length, address, 0, 16, nowSeconds)).toBe(COOKIE.valid);
});

it('over TCP clients that ask are told how long an idle connection stays open (RFC 7828)', async () => {
  const { ask } = limited();
  const asking = { edns: { ...EDNS, options: [{ code: 11, data: new Uint8Array(0) }] } };
  expect((await ask('10.0.0.1', asking, 'tcp'))?.edns?.options).toEqual([
    { code: 11, data: Uint8Array.of(1, 44) },
  ]);
  expect((await ask('10.0.0.1', { edns: EDNS }, 'tcp'))?.edns?.options).toEqual([]);
  expect((await ask('10.0.0.1', asking, 'udp'))?.edns?.options).toEqual([]);
});
