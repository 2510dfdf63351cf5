import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../../support/eventually.ts';
import { STANDARD, addedEvent, manyServices, updatedEvent } from './support/cluster.ts';
import type { TaskSpec } from './support/cluster.ts';
import { ENGINE, LONG, sized, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { QTYPE, UdpClient, query } from './support/raw.ts';
import { report } from './support/report.ts';
import { dnsperf, missing, percentile } from './support/tools.ts';

// D14: a hundred changes a second on the event stream, questions all the while. How long until a task that runs can be resolved, and one
// that was killed is gone?

const SECONDS = sized(6, 300);
const CHANGES_PER_SECOND = 100;
const QUERIES_PER_SECOND = sized(500, 2_000);
/** Running at once, so that each lives for three seconds. */
const ALIVE = 150;
/** In the long form every eighth task is followed: the judge must not be what is measured. */
const FOLLOWED = LONG ? 8 : 2;
const DEAD_MS = 2_000;
const GIVE_UP_MS = 10_000;
const lacking = missing('dnsperf');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0)(`D14: freshness under churn${needs}`, () => {
  let fixture: Fixture;

  beforeAll(async () => {
    fixture = await startFixture({ engine: ENGINE, services: [...STANDARD, ...manyServices(1_000)] });
  });
  afterAll(async () => {
    await fixture.close();
  });

  it(`${CHANGES_PER_SECOND} changes a second for ${SECONDS} s`, async () => {
    const { master, edge } = fixture;
    const client = await UdpClient.to(edge.port);
    const answers = async (name: string): Promise<number> => {
      const reply = await client.ask(query(name), 1_000);
      return reply?.bytes.readUInt16BE(6) ?? Number.NaN;
    };
    const until = async (name: string, there: boolean): Promise<number> => {
      const begun = performance.now();
      for (;;) {
        const n = await answers(name);
        const ms = performance.now() - begun;
        if (n === (there ? 1 : 0) || ms > GIVE_UP_MS) return ms;
        await pause(3);
      }
    };

    const serials: number[] = [];
    const backwards: string[] = [];
    const zombies: string[] = [];
    const stopped = new AbortController();
    const watchSerial = (async () => {
      while (!stopped.signal.aborted) {
        const soa = await client.ask(query('mesos', QTYPE.SOA));
        const [serial = 0, before] = [soa && serialOf(soa.bytes), serials.at(-1)];
        // Forwards by the arithmetic of serial numbers (RFC 1982).
        if (before !== undefined && (serial - before) >> 0 < 0) backwards.push(`${before} ${serial}`);
        serials.push(serial);
        await pause(50);
      }
    })();
    const load = dnsperf(
      edge.port,
      Array.from({ length: 1_000 }, (_, i) => `app-${i}.marathon.mesos A`),
      '-Q',
      String(QUERIES_PER_SECOND),
      '-l',
      String(SECONDS),
      '-t',
      '2',
    );

    const appeared: Promise<number>[] = [];
    const vanished: Promise<number>[] = [];
    const checks: Promise<void>[] = [];
    const alive: TaskSpec[] = [];
    const begun = performance.now();
    let changes = 0;
    let born = 0;
    while (performance.now() - begun < SECONDS * 1000) {
      const due = ((performance.now() - begun) / 1000) * CHANGES_PER_SECOND;
      for (; changes < due; changes++) {
        if (changes % 2 === 0 || alive.length < ALIVE) {
          const task = { name: `churn-${born++}`, endpoints: 1, index: 0 };
          master.send(addedEvent(task), updatedEvent(task, 'TASK_RUNNING'));
          alive.push(task);
          if (born % FOLLOWED === 0) appeared.push(until(`${task.name}.marathon.mesos`, true));
          continue;
        }
        const task = alive.shift() as TaskSpec;
        master.send(updatedEvent(task, 'TASK_KILLED'));
        const name = `${task.name}.marathon.mesos`;
        if (Number(task.name.slice(6)) % FOLLOWED === 1) vanished.push(until(name, false));
        checks.push(
          (async () => {
            await pause(DEAD_MS);
            if ((await answers(name)) !== 0) zombies.push(name);
          })(),
        );
      }
      await pause(5);
    }
    const perf = await load;
    await Promise.all(checks);
    stopped.abort();
    await watchSerial;
    const [come, gone] = [await Promise.all(appeared), await Promise.all(vanished)];
    client.close();
    const line = (ms: readonly number[]): string =>
      `p50 ${percentile(ms, 0.5).toFixed(0)}, p99 ${percentile(ms, 0.99).toFixed(0)}, most ${Math.max(...ms).toFixed(0)} ms of ${ms.length}`;
    report(
      'D14',
      `${changes} changes in ${SECONDS} s, ${perf.perSecond.toFixed(0)} queries/s (lost ${perf.lost}): resolvable ${line(come)}; gone ${line(gone)}; ` +
        `${checks.length} asked ${DEAD_MS} ms after their death, ${zombies.length} still there; ${serials.length} serials, ${new Set(serials).size} different, ${backwards.length} steps back`,
    );
    expect(changes).toBeGreaterThan(CHANGES_PER_SECOND * SECONDS * 0.8);
    expect(perf.perSecond).toBeGreaterThan(QUERIES_PER_SECOND * 0.8);
    expect(perf.lost).toBe(0);
    expect([...perf.codes.keys()]).toEqual(['NOERROR']);
    expect(come.length).toBeGreaterThan(50);
    expect(gone.length).toBeGreaterThan(30);
    expect(percentile(come, 0.99)).toBeLessThan(1_000);
    expect(percentile(gone, 0.99)).toBeLessThan(1_000);
    expect(zombies).toEqual([]);
    expect(backwards).toEqual([]);
    expect(new Set(serials).size).toBeGreaterThan(5);
  });
});

/** Of the SOA record that is the first answer: before it the name of the mailbox ends, behind it come four more numbers. */
function serialOf(reply: Buffer): number {
  const additional = reply.readUInt16BE(6) === 1 ? soaEnd(reply) : 0;
  return reply.readUInt32BE(additional - 20);
}

function soaEnd(reply: Buffer): number {
  let at = 12;
  while (reply[at] !== 0) at += 1 + (reply[at] as number);
  at += 5;
  // The owner of the answer: a pointer, or written out.
  while (reply[at] !== 0 && ((reply[at] as number) & 0xc0) === 0) at += 1 + (reply[at] as number);
  at += (reply[at] as number) === 0 ? 1 : 2;
  return at + 10 + reply.readUInt16BE(at + 8);
}
