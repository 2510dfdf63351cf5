import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import { dnsSeeds } from '../../fuzz/dns-seeds.ts';
import { eventually } from '../../support/eventually.ts';
import { footprint } from '../../support/processes.ts';
import { startControl } from './support/control.ts';
import { Dnspython } from './support/dnspython.ts';
import { ENGINES, LONG, sized, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { mutate } from './support/mutate.ts';
import { UdpClient, framed, overTcp, query } from './support/raw.ts';
import { report } from './support/report.ts';
import { missing, pathOf } from './support/tools.ts';

// D1 and D2: any bytes at all, at a server that runs. kdig asks an honest question all the while, and whatever the server says to
// the noise is read by dnspython.

const PACKETS = sized(6_000, 100_000);
const STREAMS = sized(150, 3_000);
const SEED = Number(process.env['RIMROCK_SEED'] ?? 1);
/** Packets on their way at once: a flood that the kernel drops would test nothing. */
const BATCH = 50;
const CONTROL = query('web.marathon.mesos.');
const lacking = missing('kdig', 'dnspython', 'zzuf');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

/** `runs` variants of a message by zzuf, which flips bits of the file that a program reads. */
async function zzuf(message: Uint8Array, seed: number, runs: number, ratio: number): Promise<Buffer[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-zzuf-'));
  writeFileSync(join(folder, 'message'), message);
  const options = ['-s', `${seed}:${seed + runs}`, '-r', String(ratio), 'cat', join(folder, 'message')];
  const child = spawn(pathOf('zzuf') ?? 'zzuf', options);
  const all = await buffer(child.stdout);
  rmSync(folder, { recursive: true });
  return Array.from({ length: Math.floor(all.length / message.length) }, (_, i) =>
    all.subarray(i * message.length, (i + 1) * message.length),
  );
}

describe.skipIf(lacking.length > 0).each(ENGINES)(`any bytes at all, engine %s${needs}`, (engine) => {
  let fixture: Fixture;
  let judge: Dnspython;
  let port: number;

  beforeAll(async () => {
    judge = new Dnspython();
    fixture = await startFixture({ engine });
    port = fixture.edge.port;
  });
  afterAll(async () => {
    await judge.close();
    await fixture.close();
  });

  /** Each reply must be one that dnspython can read, a reply, and no longer than UDP allows. */
  async function judgeAll(replies: readonly Buffer[], limit: number): Promise<Map<string, number>> {
    const codes = new Map<string, number>();
    for (let i = 0; i < replies.length; i += 500) {
      const some = replies.slice(i, i + 500);
      for (const [n, said] of (await Promise.all(some.map((r) => judge.parse(r)))).entries()) {
        const hex = some[n]?.toString('hex');
        expect(said.error, hex).toBeUndefined();
        expect(said.flags, hex).toContain('QR');
        expect(some[n]?.length).toBeLessThanOrEqual(limit);
        codes.set(said.rcode, (codes.get(said.rcode) ?? 0) + 1);
      }
    }
    return codes;
  }

  it('D1, D2: over UDP', async () => {
    const random = seededRandom(SEED);
    const seeds = dnsSeeds();
    const fromZzuf: Buffer[] = [];
    for (const [i, seed] of seeds.entries()) {
      fromZzuf.push(
        ...(await zzuf(
          seed,
          SEED + 1000 * i,
          Math.ceil(PACKETS / 4 / seeds.length),
          [0.004, 0.02, 0.1][i % 3] ?? 0.02,
        )),
      );
    }
    const client = await UdpClient.to(port);
    const control = startControl(port);
    const replies: Buffer[] = [];
    let sent = 0;
    // Not over before the honest client has asked a few times.
    for (; sent < PACKETS || control.asked < sized(6, 200); sent += BATCH) {
      for (let i = 0; i < BATCH; i++) client.send(fromZzuf[sent + i] ?? mutate(seeds, random));
      const last = Buffer.from(CONTROL);
      last.writeUInt16BE(0xfffe, 0);
      expect(await client.reply(0xfffe, () => client.send(last)), 'an answer amid the noise').toBeDefined();
      for (const { bytes } of client.arrived.splice(0)) replies.push(bytes);
    }
    const { asked, missed, p99Ms, medianMs } = await control.stop();
    client.close();
    const codes = await judgeAll(replies, 1232);
    report(
      'D2',
      `${sent} packets over UDP, ${fromZzuf.length} by zzuf (seed ${SEED}, engine ${engine}): ${replies.length} replies ${JSON.stringify([...codes])}, 0 unreadable; control ${asked} asked, ${missed.length} missed, p99 ${p99Ms.toFixed(1)} ms`,
    );
    expect(fromZzuf.length).toBeGreaterThan(PACKETS / 5);
    expect(replies.length).toBeGreaterThan(PACKETS / 3);
    expect(missed).toEqual([]);
    expect(LONG ? p99Ms : medianMs).toBeLessThan(50);
    expect(fixture.edge.alive).toBe(true);
  });

  it('D2: over TCP', async () => {
    const random = seededRandom(SEED + 1);
    const seeds = dnsSeeds();
    const control = startControl(port);
    const replies: Buffer[] = [];
    for (let n = 0; n < STREAMS; n += 10) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const messages = Array.from({ length: 1 + random.int(8) }, () => framed(mutate(seeds, random)));
          // Now and then the framing itself is wrong.
          const stream =
            random.int(4) === 0 ? mutate([Buffer.concat(messages)], random) : Buffer.concat(messages);
          replies.push(...(await overTcp(port, stream, messages.length, 100)));
        }),
      );
    }
    const { asked, missed, p99Ms, medianMs } = await control.stop();
    const codes = await judgeAll(replies, 65_535);
    report(
      'D2',
      `${STREAMS} streams over TCP (engine ${engine}): ${replies.length} replies ${JSON.stringify([...codes])}, 0 unreadable; control ${asked} asked, ${missed.length} missed, p99 ${p99Ms.toFixed(1)} ms`,
    );
    expect(replies.length).toBeGreaterThan(STREAMS);
    expect(missed).toEqual([]);
    expect(LONG ? p99Ms : medianMs).toBeLessThan(50);
    expect(fixture.edge.alive).toBe(true);
  });

  it('D1: memory does not grow with the noise', async () => {
    const rss = (): number => footprint(fixture.edge.pid)?.rssBytes ?? Number.NaN;
    const random = seededRandom(SEED + 2);
    const seeds = dnsSeeds();
    const client = await UdpClient.to(port);
    const round = async (): Promise<void> => {
      for (let sent = 0; sent < PACKETS / 2; sent += BATCH) {
        for (let i = 0; i < BATCH; i++) client.send(mutate(seeds, random));
        const last = Buffer.from(CONTROL);
        last.writeUInt16BE(0xfffe, 0);
        expect(await client.reply(0xfffe, () => client.send(last))).toBeDefined();
        client.arrived.length = 0;
      }
    };
    await round();
    const before = rss();
    await round();
    // The heap breathes: what counts is that it comes back.
    const after = await eventually('the memory to come back', () => rss(), {
      timeoutMs: 30_000,
      accept: (bytes) => bytes - before < 20 << 20,
    });
    client.close();
    report(
      'D1',
      `memory of the process over ${PACKETS / 2} packets more: ${((after - before) / 2 ** 20).toFixed(1)} MiB (engine ${engine})`,
    );
    expect(after - before).toBeLessThan(20 << 20);
  });
});
