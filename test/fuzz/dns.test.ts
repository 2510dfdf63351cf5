import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import type { Random } from '../../src/core/random.ts';
import type { Responder } from '../../src/dns/server/responder.ts';
import { responderFor } from '../../src/dns/testing/responder.ts';
import { zoneFor } from '../../src/dns/testing/zone.ts';
import { agent, framework, task, version } from '../../src/dns/testing/catalog.ts';
import { decodeMessage, encodeMessage, udpLimit } from '../../src/dns/wire/index.ts';
import { dnsSeeds } from './dns-seeds.ts';

const RUNS = Number(process.env['RIMROCK_FUZZ_RUNS'] ?? 50_000);
const SEED = Number(process.env['RIMROCK_FUZZ_SEED'] ?? 1);
const LIMIT_MS = 5;
const FROM = { ip: '192.0.2.1', port: 5353 };

function responder(): Responder {
  const zone = zoneFor({ ipSources: ['netinfo', 'host'] });
  const tasks = Array.from({ length: 50 }, (_, i) =>
    task(`web.${i}`, { ports: [31000 + i], netinfoIps: [`10.1.0.${i}`, `fd00::${i + 1}`] }),
  );
  const leader = { ip: '10.0.0.9', port: 5050 };
  zone.load(version(1, { tasks, agents: [agent()], frameworks: [framework({ pidPort: 4000 })], leader }));
  zone.setStale(true);
  return responderFor(zone, [], { nsid: new TextEncoder().encode('fuzzed') });
}

/** One to eight changes: flipped bits, odd bytes, cuts, repeats, pointers, pieces of another seed. */
function mutate(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  const pick = (): Uint8Array => seeds[random.int(seeds.length)] ?? new Uint8Array();
  let bytes = [...pick()];
  for (let n = 1 + random.int(8); n > 0; n--) {
    const at = random.int(bytes.length + 1);
    switch (random.int(7)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
        break;
      case 1:
        bytes[at] = [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff][random.int(7)] ?? 0;
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes.splice(at, 0, ...bytes.slice(at, at + random.int(64)));
        break;
      case 4:
        bytes.splice(at, 2, 0xc0 | random.int(2), random.int(256));
        break;
      case 5:
        bytes.splice(at, random.int(16));
        break;
      default:
        bytes.splice(at, 0, ...pick().slice(random.int(40), random.int(120)));
    }
  }
  return Uint8Array.from(bytes, (b) => b ?? 0);
}

/** Everything we do with bytes from outside; returns what is wrong. */
function handle(bytes: Uint8Array, to: Responder): string | undefined {
  const first = decodeMessage(bytes);
  for (const transport of ['udp', 'tcp'] as const) {
    let calls = 0;
    let wrong: string | undefined;
    to.respond(bytes, FROM, transport, (reply) => {
      calls++;
      wrong = reply && problemWithReply(bytes, reply, transport);
    });
    if (calls !== 1) return `${calls} replies over ${transport}`;
    if (wrong !== undefined) return `${wrong} over ${transport}`;
  }
  if (!first.ok) return undefined;
  const encoded = encodeMessage(first.message);
  if (encoded.truncated !== first.message.truncated) return undefined; // written out it is over 64 KiB
  const again = decodeMessage(encoded.bytes);
  if (!again.ok) return `what was encoded does not decode: ${again.reason}`;
  return JSON.stringify(again.message) === JSON.stringify(first.message) ? undefined : 'changed by encoding';
}

function problemWithReply(
  query: Uint8Array,
  reply: Uint8Array,
  transport: 'udp' | 'tcp',
): string | undefined {
  if (((query[2] ?? 0) & 0x80) !== 0) return 'a reply was answered';
  const decoded = decodeMessage(reply);
  if (!decoded.ok) return `a reply does not decode (${decoded.reason})`;
  const { message } = decoded;
  if (!message.response || message.id !== (query[0] ?? 0) * 256 + (query[1] ?? 0))
    return 'a reply to nothing';
  const asked = decodeMessage(query);
  const limit = asked.ok ? udpLimit(asked.message, 1232) : 512;
  if (transport === 'udp' && reply.length > limit) return `a reply of ${reply.length} bytes, over ${limit}`;
  return undefined;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('DNS messages from outside', () => {
  const seeds = dnsSeeds();

  it('has seeds of many kinds, each of which decodes', () => {
    expect(seeds.length).toBeGreaterThanOrEqual(40);
    for (const seed of seeds) expect([hex(seed), decodeMessage(seed).ok]).toEqual([hex(seed), true]);
  });

  it(`survives ${RUNS} mutations, none slower than ${LIMIT_MS} ms`, { timeout: 600_000 }, () => {
    const random = seededRandom(SEED);
    const to = responder();
    for (let i = 0; i < 2_000; i++) handle(mutate(seeds, random), to);
    let decodable = 0;
    for (let i = 0; i < RUNS; i++) {
      const bytes = mutate(seeds, random);
      let best = Infinity;
      // A slow run may be the machine's doing; a slow input is slow every time.
      for (let tries = 0; tries < 5 && best > LIMIT_MS; tries++) {
        const before = performance.now();
        const wrong = handle(bytes, to);
        best = Math.min(best, performance.now() - before);
        if (wrong !== undefined) throw new Error(`${wrong}: seed ${SEED}, run ${i}, input ${hex(bytes)}`);
      }
      if (best > LIMIT_MS) throw new Error(`took ${best} ms: seed ${SEED}, run ${i}, input ${hex(bytes)}`);
      if (decodeMessage(bytes).ok) decodable++;
    }
    // Mutations that break everything at once would prove nothing.
    expect(decodable / RUNS).toBeGreaterThan(0.1);
  });

  it('reads 64 KiB of the worst kind in time', () => {
    const to = responder();
    for (const bytes of hugeMessages()) {
      let best = Infinity;
      for (let tries = 0; tries < 10; tries++) {
        const before = performance.now();
        decodeMessage(bytes);
        to.respond(bytes, FROM, 'tcp', () => {});
        best = Math.min(best, performance.now() - before);
      }
      expect(best).toBeLessThan(LIMIT_MS);
    }
  });
});

/** Messages that make a naive reader work hardest: pointers to pointers, and as many records as fit. */
function hugeMessages(): Uint8Array[] {
  const header = [0, 1, 1, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
  const longName = [...Array.from({ length: 126 }, () => [1, 97]).flat(), 0];
  const question = [...longName, 0, 1, 0, 1];
  const fill = (record: readonly number[]): Uint8Array => {
    const bytes = [...header, ...question];
    while (bytes.length + record.length < 65_535) bytes.push(...record);
    return Uint8Array.from(bytes);
  };
  const chain = [...header, 0, 0, 1, 0, 1];
  for (let at = 12; chain.length < 16_000; at = chain.length - 2) chain.push(0xc0 | (at >> 8), at & 255);
  return [
    fill([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]),
    fill([0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 0, 0, 2, 0xc0, 12]),
    fill([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]),
    Uint8Array.from(chain),
  ];
}
