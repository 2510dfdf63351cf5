import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../../support/eventually.ts';
import { Client } from './support/client.ts';
import type { Answer } from './support/client.ts';
import { ENGINES, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { startOrigins } from './support/origins.ts';
import type { OriginProcess } from './support/origins.ts';
import { report } from './support/report.ts';
import { missing, percentile, run } from './support/tools.ts';

// L5: HTTP/2 clients that break the rules or wear us out, by hand-made frames of python3-h2; others must not notice.

const HOST = 'a.test';
/** Who is honest has an instance of its own: what the attack has ours ask its own for is that one's to bear. */
const OTHER_HOST = 'b.test';
const STALL_MS = 3_000;
/** Nobody else waits longer for an answer (p99). */
const HONEST_MS = 100;
const JUDGE = fileURLToPath(new URL('./judges/h2_attack.py', import.meta.url));
const PYTHON = '/usr/bin/python3';

function hasH2(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import h2, hyperframe, hpack'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const lacking = [...missing('h2load'), ...(hasH2() ? [] : ['python3-h2'])];
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

interface Attack {
  readonly sent: number;
  readonly seconds: number | null;
  readonly goaway: number | null;
  readonly streams: number | null;
  readonly resets: number;
}

/** By attack: within how many seconds the connection (or its streams) must have ended, and with which code it says so. */
const ATTACKS: readonly (readonly [attack: string, seconds: number, goaway: readonly number[]])[] = [
  ['resets', 2, [11]],
  ['late-resets', 2, [11]],
  ['continuation', 2, [11, 1]],
  ['empty-continuation', 2, [11, 1]],
  ['settings', 2, [11]],
  ['pings', 2, [11]],
  ['empty-data', 2, [11]],
  ['priority', 2, [11]],
  ['window-updates', 2, [11]],
  ['bad-frames', 2, [1]],
  ['streams', 4, []],
  ['window-0', STALL_MS / 1_000 + 2, []],
];

describe.skipIf(lacking.length > 0).each(ENGINES)(`L5: HTTP/2 under attack, engine %s${needs}`, (engine) => {
  let edge: EdgeUnderTest;
  let origins: OriginProcess[];

  beforeAll(async () => {
    origins = await startOrigins(2);
    const [attacked, other] = origins.map((o) => [o.address]);
    edge = await startEdge({
      engine,
      services: { [HOST]: attacked ?? [], [OTHER_HOST]: other ?? [] },
      lb: { http2: { stallMs: STALL_MS } },
    });
  });
  afterAll(async () => {
    await edge.close();
    for (const origin of origins) await origin.close();
  });

  /** One attack, and what a client on another connection notices of it. */
  async function attacked(attack: string): Promise<{ seen: Attack; honest: number[]; limit: number }> {
    const client = new Client(edge.port, OTHER_HOST, 1);
    const answers: Answer[] = [];
    const over = new AbortController();
    const asking = (async () => {
      while (!over.signal.aborted) {
        answers.push(await client.ask());
        await pause(10);
      }
    })();
    await pause(300);
    const idle = answers.splice(0).map((a) => a.ms);
    const before = edge.cpuSeconds;
    const text = await run(PYTHON, [JUDGE, String(edge.port), HOST, attack], { all: true });
    const cpuMs = (edge.cpuSeconds - before) * 1_000;
    await pause(200);
    over.abort();
    await asking;
    client.close();
    const seen = JSON.parse(text) as Attack;
    const honest = answers.map((a) => a.ms);
    expect(answers.filter((a) => a.status !== 200)).toEqual([]);
    expect(answers.length).toBeGreaterThan(5);
    const [median, p99] = [percentile(idle, 0.5), percentile(idle, 0.99)];
    report(
      'L5',
      `engine ${engine}, ${attack}: ended after ${seen.seconds?.toFixed(2)} s, GOAWAY ${seen.goaway}, ${seen.resets} resets of ours, ${seen.sent} sent or queued, ${cpuMs.toFixed(0)} ms of CPU; ` +
        `honest client ${answers.length} answers, p99 ${percentile(honest, 0.99).toFixed(1)} ms (before: median ${median.toFixed(1)}, p99 ${p99.toFixed(1)})`,
    );
    // On a machine that is busy with other things the client waits without an attack, too.
    return { seen, honest, limit: Math.max(HONEST_MS, 20 * median, 3 * p99) };
  }

  it.each(ATTACKS)('%s: ended within %s s, and others do not notice', async (attack, seconds, codes) => {
    const worst: number[] = [];
    let limit = HONEST_MS;
    // What we do to others we do each time; what others on this machine do to them comes and goes.
    for (let tries = 0; tries < 3 && (worst.length === 0 || Math.min(...worst) >= limit); tries++) {
      const { seen, honest, limit: mine } = await attacked(attack);
      expect(seen.streams).toBe(100);
      expect(seen.seconds ?? Number.POSITIVE_INFINITY).toBeLessThan(seconds);
      if (codes.length > 0) expect(codes).toContain(seen.goaway);
      worst.push(percentile(honest, 0.99));
      limit = mine;
    }
    expect(Math.min(...worst)).toBeLessThan(limit);
  });

  it('h2load: 5,000 requests on ten connections of 100 streams each', async () => {
    const base = ['-n', '5000', '-c', '10', '-m', '100', '-t', '1', '-H', `:authority: ${HOST}`];
    const text = await run('h2load', [...base, `http://127.0.0.1:${edge.port}/`], {
      all: true,
      timeoutMs: 60_000,
    });
    report(
      'L5',
      `engine ${engine}: h2load ${/finished in .*/.exec(text)?.[0]}; ${/requests: .*/.exec(text)?.[0]}`,
    );
    expect(text).toContain('5000 succeeded, 0 failed, 0 errored, 0 timeout');
    expect(text).toContain('5000 2xx');
  });
});
