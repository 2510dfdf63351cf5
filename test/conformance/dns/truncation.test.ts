import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SIZES } from './support/cluster.ts';
import { ENGINES, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { report } from './support/report.ts';
import { ask, missing, run } from './support/tools.ts';

// D7: services of every size, asked with every size of UDP reply and over TCP.

const BUFFERS: readonly (number | undefined)[] = [undefined, 512, 1232, 4096];
const KINDS = [
  ['A', (n: number) => `size-${n}.marathon.mesos`],
  ['SRV', (n: number) => `_size-${n}._tcp.marathon.mesos`],
] as const;
const lacking = missing('dig', 'drill');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

interface Seen {
  readonly status: string;
  readonly truncated: boolean;
  readonly size: number;
  readonly answers: number;
}

async function byDig(port: number, name: string, type: string, ...options: string[]): Promise<Seen> {
  const said = await ask('dig', port, name, type, ...options);
  return {
    status: said.status,
    truncated: said.flags.includes('tc'),
    size: said.size,
    answers: said.answers,
  };
}

async function byDrill(port: number, name: string, type: string, ...options: string[]): Promise<Seen> {
  const text = await run('drill', ['-p', String(port), ...options, name, '@127.0.0.1', type], { all: true });
  return {
    status: /rcode: (\w+)/.exec(text)?.[1] ?? text,
    truncated: /flags: [\w ]*\btc\b/.test(text),
    size: Number(/MSG SIZE {2}rcvd: (\d+)/.exec(text)?.[1] ?? Number.NaN),
    answers: Number(/ANSWER: (\d+)/.exec(text)?.[1] ?? Number.NaN),
  };
}

describe.skipIf(lacking.length > 0).each(ENGINES)(`truncation, engine %s${needs}`, (engine) => {
  let fixture: Fixture;
  let port: number;
  const wrong: string[] = [];
  let cases = 0;

  beforeAll(async () => {
    fixture = await startFixture({ engine });
    port = fixture.edge.port;
  });
  afterAll(async () => {
    await fixture.close();
  });

  /** No larger than allowed, TC exactly when records of the answer are missing. */
  const check = (what: string, n: number, limit: number, seen: Seen): void => {
    cases++;
    const problems = [
      seen.status === 'NOERROR' ? '' : `status ${seen.status}`,
      seen.size <= limit ? '' : `${seen.size} bytes`,
      seen.truncated === seen.answers < n ? '' : `${seen.answers} answers and TC ${seen.truncated}`,
      seen.answers <= n ? '' : `${seen.answers} answers`,
    ].filter((p) => p !== '');
    if (problems.length > 0) wrong.push(`${what}: ${problems.join(', ')}`);
  };

  it.each(KINDS)(
    '%s over UDP: never larger than the client and we allow, TC exactly when something is missing',
    async (type, nameOf) => {
      wrong.length = 0;
      cases = 0;
      for (const n of SIZES) {
        await Promise.all(
          BUFFERS.map(async (buffer) => {
            const limit = Math.min(buffer ?? 512, 1232);
            const options = buffer === undefined ? ['+noedns'] : [`+bufsize=${buffer}`];
            const what = `${n} endpoints, ${buffer ?? 'no EDNS'}`;
            check(
              `dig: ${what}`,
              n,
              limit,
              await byDig(port, nameOf(n), type, '+ignore', '+notcp', '+nocookie', ...options),
            );
            const drill = buffer === undefined ? [] : ['-b', String(buffer)];
            check(`drill: ${what}`, n, limit, await byDrill(port, nameOf(n), type, '-u', ...drill));
          }),
        );
      }
      report('D7', `${cases} questions for ${type} over UDP, engine ${engine}: ${wrong.length} wrong`);
      expect(wrong).toEqual([]);
    },
  );

  it.each(KINDS)('%s over TCP: complete up to 64 KiB', async (type, nameOf) => {
    wrong.length = 0;
    cases = 0;
    for (const n of SIZES.filter((n) => type === 'A' || n <= 1000)) {
      const seen = await byDig(port, nameOf(n), type, '+tcp');
      check(`dig: ${n} endpoints`, n, 65_535, seen);
      if (seen.answers !== n) wrong.push(`${n} endpoints: ${seen.answers} answers over TCP`);
      check(`drill: ${n} endpoints`, n, 65_535, await byDrill(port, nameOf(n), type, '-t'));
    }
    report('D7', `${cases} questions for ${type} over TCP, engine ${engine}: ${wrong.length} wrong`);
    expect(wrong).toEqual([]);
  });

  it('a client that has its way gets everything: dig asks again over TCP by itself', async () => {
    const said = await ask('dig', port, 'size-1000.marathon.mesos', 'A');
    expect(said.text).toContain('Truncated, retrying in TCP mode');
    expect({ status: said.status, answers: said.answers }).toEqual({ status: 'NOERROR', answers: 1000 });
  });

  it('more than 64 KiB over TCP: another part at random each time, without TC and never SERVFAIL', async () => {
    const sets: Set<string>[] = [];
    for (let i = 0; i < 4; i++) {
      const said = await ask('dig', port, '_size-2000._tcp.marathon.mesos', 'SRV', '+tcp');
      expect({ status: said.status, tc: said.flags.includes('tc') }).toEqual({
        status: 'NOERROR',
        tc: false,
      });
      expect(said.size).toBeLessThanOrEqual(65_535);
      expect(said.size).toBeGreaterThan(60_000);
      sets.push(new Set(said.text.match(/^_size-2000.*SRV.*$/gm)));
    }
    const sizes = sets.map((s) => s.size);
    const together = sets.reduce((a, b) => a.union(b));
    report(
      'D7',
      `2000 SRV records over TCP, engine ${engine}: ${sizes.join(', ')} of them, together ${together.size}`,
    );
    expect(Math.min(...sizes)).toBeGreaterThan(900);
    expect(together.size).toBeGreaterThan(Math.max(...sizes) + 100);
  });

  it('what does not fit is left out of the additional section first, without TC (RFC 2181 §9)', async () => {
    const said = await ask(
      'dig',
      port,
      '_size-9._tcp.marathon.mesos',
      'SRV',
      '+ignore',
      '+bufsize=1232',
      '+nocookie',
    );
    expect({ answers: said.answers, tc: said.flags.includes('tc') }).toEqual({ answers: 9, tc: false });
  });

  it('what is cut is cut at a record, at random: every endpoint is named in its turn', async () => {
    const named = new Set<string>();
    for (let i = 0; i < 40 && named.size < 60; i++) {
      const said = await ask('dig', port, 'size-60.marathon.mesos', 'A', '+ignore', '+noedns');
      for (const [, ip = ''] of said.text.matchAll(/\sA\s+(10\.\S+)/g)) named.add(ip);
    }
    expect(named.size).toBe(60);
  });
});
