import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { Metrics } from '../../core/metrics.ts';
import { loadConfig } from '../config/load.ts';
import { differentKeys } from '../config/difference.ts';
import { FakeWorld } from '../testing/fake-world.ts';
import { ReloadCounts, Reloader, whenQuiet } from './reload.ts';

const FILE = '/here/edge.yaml';

async function make(text: string, file = FILE) {
  const world = new FakeWorld({ [file]: text });
  const load = () => loadConfig({ role: 'edge', file, overrides: ['dns.workers=1'] }, world);
  const first = await load();
  if (!first.ok) throw new Error('the first configuration holds');
  const lines: { level: number; msg: string; issues?: string[]; applied?: string[] }[] = [];
  const given: unknown[] = [];
  const counts = new ReloadCounts();
  const reload = (section: unknown): readonly string[] => {
    given.push((section as { records: unknown }).records);
    return ['records'];
  };
  const reloader = new Reloader({
    load,
    config: first.config,
    sections: ['log', 'cluster', 'dns', 'lb'],
    parts: [
      { section: 'cluster', component: {} },
      { section: 'dns', component: { reload } },
    ],
    counts,
    log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  });
  return {
    lines,
    given,
    counts,
    change: async (next: string) => {
      world.files.set(file, next);
      await reloader.reload();
    },
  };
}
const said = (lines: readonly { msg: string }[]): string[] => lines.map((l) => l.msg);
const records = (last: number, more = ''): string =>
  `dns: {records: [{name: db.mesos, type: A, value: 10.0.0.${last}}]${more}}`;

describe('a configuration that changes', () => {
  it('is taken over as far as the parts can; the rest is named, as long as it differs from what runs', async () => {
    const { change, lines, given, counts } = await make(records(1));
    await change(`${records(2, ', port: 5300')}\nlog: {level: debug}\nmaster: {port: 1}`);
    expect(given).toHaveLength(1);
    expect(given[0]).toMatchObject([{ value: '10.0.0.2' }]);
    expect(lines[0]).toMatchObject({ level: 30, applied: ['dns.records'] });
    expect(lines[1]).toMatchObject({
      level: 40,
      msg: 'the configuration has changed; needs a restart: log.level, dns.port',
    });
    await change(records(2, ', port: 5300'));
    expect(said(lines).at(-1)).toBe('the configuration has changed; needs a restart: dns.port');
    expect(counts.counts).toEqual({ applied: 2, unchanged: 0, restart: 0, refused: 0 });
  });

  it('changes nothing when it does not hold, cannot be read, or is the same', async () => {
    const { change, lines, given, counts } = await make('dns: {port: 5300}', '/here/other.yaml');
    await change('dns: {port: none, records: [{name: db.example.com, type: A, value: x}]}\nlbb: {}');
    expect(given).toEqual([]);
    expect(lines[0]?.level).toBe(50);
    expect(lines[0]?.issues?.map((i) => i.slice(0, i.indexOf(':')))).toEqual(
      expect.arrayContaining(['dns.port', 'lbb']),
    );
    await change('{{{');
    expect(counts.counts).toEqual({ applied: 0, unchanged: 0, restart: 0, refused: 2 });
    const metrics = new Metrics();
    counts.expose(metrics);
    expect(await metrics.text()).toContain('rimrock_config_reloads_total{outcome="refused"} 2');
  });

  it('takes nothing of a Mesos-DNS file over, and says so', async () => {
    const json = (ttl: number): string => JSON.stringify({ masters: ['10.0.0.1:5050'], ttl });
    const { change, lines, given, counts } = await make(json(60), '/here/config.json');
    await change(json(30));
    expect(given).toEqual([]);
    expect(said(lines)[0]).toMatch(/needs a restart: .*dns\.ttlSeconds.* \(nothing of a Mesos-DNS file/);
    await change(json(60));
    expect(said(lines)[1]).toContain('nothing has changed');
    expect(counts.counts).toEqual({ applied: 0, unchanged: 1, restart: 1, refused: 0 });
  });

  it('goes by what is different, key by key', () => {
    const before = { a: { b: 1, c: [1, { d: 2 }] }, e: 'x' };
    expect(differentKeys(before, structuredClone(before))).toEqual([]);
    expect(differentKeys(before, { a: { b: 2, c: [1, { d: 3 }], f: 1 } })).toEqual([
      'a.b',
      'a.c',
      'a.f',
      'e',
    ]);
  });

  it('is read once when it changes several times in a row', () => {
    const clock = new FakeClock();
    let times = 0;
    const changed = whenQuiet(clock, 200, () => times++);
    for (let i = 0; i < 5; i++) {
      changed();
      clock.advance(100);
    }
    expect(times).toBe(0);
    clock.advance(100);
    expect(times).toBe(1);
  });
});
