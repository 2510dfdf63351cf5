import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandCatalog, agent, framework, task, version } from '../testing/catalog.ts';
import type { Content } from '../testing/catalog.ts';
import { MESOS_HEAD, MESOS_SETTINGS, zoneFor } from '../testing/zone.ts';
import { reserve } from '../table/index.ts';
import { createNames } from './index.ts';
import type { Change, Publisher } from './publisher.ts';
import type { RecordType, ZoneRecord } from './records.ts';
import { Zone } from './zone.ts';

const NAMES = {
  health: 'include',
  legacyNames: true,
  agentNames: true,
  networkNames: true,
  ptr: true,
} as const;
const APPS = ['web', 'db', 'cache'];

/** A zone that rests after so many changes as it looks at its clock for, until it is told to go on. */
class Sliced {
  readonly zone: Zone;
  readonly #later: (() => void)[] = [];
  rests = 0;

  constructor(sliced: boolean, watch: (zone: Zone) => void = () => {}) {
    const names = createNames({ ...MESOS_SETTINGS, ...NAMES }, { records: [], answerLimits: {} });
    const publishers = names.publishers.map((p): Publisher => ({
      name: p.name,
      step: (next, diff) => {
        const changes = p.step(next, diff);
        const { zone } = this;
        return (function* () {
          for (const change of changes) {
            yield change;
            watch(zone);
          }
        })();
      },
    }));
    this.zone = new Zone({
      heads: [MESOS_HEAD],
      publishers,
      ttlSeconds: 60,
      srvWeight: 1,
      memory: reserve(16),
      seed: 3,
      nowSeconds: () => 1_700_000_000,
      ...(sliced && { slices: { ms: 0, nowMs: () => 1, later: (work) => void this.#later.push(work) } }),
    });
  }

  /** Write the next slice; false when nothing waits. */
  goOn(): boolean {
    const work = this.#later.shift();
    if (work) this.rests++;
    work?.();
    expect(this.#later.length).toBeLessThan(2);
    return work !== undefined;
  }

  lines(): string[] {
    return [...this.zone.records()].map((r) => `${r.name} ${r.type} ${r.host}`).sort();
  }
}

const content = (seeds: readonly number[], host: number): Content => ({
  agents: [agent()],
  frameworks: [framework({ host: `10.0.9.${host}`, ips: [`10.0.9.${host}`], pidPort: 4000 + host })],
  // Seeds that are alike in the low bits are other instances of the same service, at other addresses.
  tasks: [...new Set(seeds)].map((n) =>
    task(`${APPS[n % APPS.length] ?? ''}.${n}`, {
      ports: [31_000 + n],
      netinfoIps: [`10.1.${n >> 8}.${n & 255}`],
    }),
  ),
  leader: { ip: '10.0.0.9', port: 5050 },
});
const contents = fc.tuple(
  fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { maxLength: 120, size: 'max' }),
  fc.integer({ min: 1, max: 3 }),
);

describe('a zone that is written in slices', () => {
  it('comes to what it would be at once, whatever happens to the cluster meanwhile', () => {
    let rests = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(contents, fc.nat({ max: 4 })), { minLength: 1, maxLength: 6 }),
        (steps) => {
          const [slow, fast] = [new Sliced(true), new Sliced(false)];
          const catalog = new HandCatalog();
          let settled = 0;
          let serial = slow.zone.serial;
          const check = (): void => {
            expect(slow.zone.serial).toBeGreaterThanOrEqual(serial);
            serial = slow.zone.serial;
            expect(slow.zone.ready || slow.zone.behind > 0).toBe(true);
          };
          for (const [i, [[seeds, host], slices]] of steps.entries()) {
            const diff = catalog.become(content(seeds, host));
            for (const { zone } of [slow, fast]) {
              if (i === 0) zone.load(catalog.current);
              else zone.apply(catalog.current, diff);
            }
            slow.zone.onSettled(() => settled++);
            for (let n = 0; n < slices; n++) slow.goOn();
            check();
          }
          while (slow.goOn()) check();
          rests += slow.rests;
          expect([slow.zone.behind, slow.zone.ready, settled]).toEqual([0, true, steps.length]);
          expect(slow.lines()).toEqual(fast.lines());
          expect([slow.zone.size, slow.zone.revision]).toEqual([fast.zone.size, fast.zone.revision]);
        },
      ),
      { numRuns: 40 },
    );
    expect(rests).toBeGreaterThan(100);
  });

  it('has a name of a service after every single change as long as it has instances before and after the step', () => {
    let expected: readonly string[] = [];
    let looked = 0;
    const zone = new Sliced(false, (z) => {
      for (const name of expected) {
        looked++;
        expect(z.lookup(name, 'A').kind, name).toBe('answer');
        expect(z.lookup(`_${name.replace('.', '._tcp.')}`, 'SRV').kind, name).toBe('answer');
      }
    }).zone;
    const appsOf = (seeds: readonly number[]): Set<string> =>
      new Set(seeds.map((n) => `${APPS[n % 3] ?? ''}.marathon.mesos.`));
    const catalog = new HandCatalog();
    catalog.become(content([], 1));
    zone.load(catalog.current);
    let before = new Set<string>();
    fc.assert(
      fc.property(contents, ([seeds, host]) => {
        const after = appsOf(seeds);
        expected = [...before].filter((name) => after.has(name));
        const diff = catalog.become(content(seeds, host));
        zone.apply(catalog.current, diff);
        before = after;
      }),
      { numRuns: 60 },
    );
    expect(looked).toBeGreaterThan(1_000);
  });

  it('adds what a change brings before it takes away what goes', () => {
    const record = (host: string): ZoneRecord<RecordType> => ({ name: 'one.mesos.', type: 'A', host });
    let seen: unknown;
    // Looked at last when it is taken away.
    const watched: ZoneRecord<RecordType> = {
      ...record(''),
      get host() {
        seen = zone.lookup('one.mesos.', 'A');
        return '10.0.0.1';
      },
    };
    const changes: Change[] = [
      { before: [], after: [record('10.0.0.1')] },
      { before: [watched], after: [record('10.0.0.2')] },
    ];
    const zone = zoneFor({}, { publishers: [{ name: 'one', step: () => changes }] });
    zone.load(version(1));
    expect(seen).toEqual({ kind: 'answer', values: ['10.0.0.1', '10.0.0.2'] });
    expect(zone.lookup('one.mesos.', 'A')).toEqual({ kind: 'answer', values: ['10.0.0.2'] });
  });
});
