import { seededRandom } from '../../src/core/random.ts';
import type { Cluster } from './cluster.ts';
import { FAULTS } from './faults.ts';
import { ORDERS } from './orders.ts';
import type { Kind, Step } from './step.ts';

/** The steps there are. A calm run has only those after which no task may be ended by anybody. */
const KINDS: Readonly<Record<string, Kind>> = { ...FAULTS, ...ORDERS };

/** The share of runs with several masters. */
const MANY = 0.25;

export interface Plan {
  readonly agents: number;
  /** One with a disk, or several that are elected in Consul. */
  readonly masters: number;
  /** Agents and frameworks are told where Consul is, instead of where the masters are. */
  readonly byConsul: boolean;
  readonly calm: boolean;
  /** When the last step is over by itself or by force, milliseconds. */
  readonly until: number;
  readonly steps: readonly Step[];
}

/** What happens in the run of a seed. */
export function planOf(seed: number): Plan {
  const random = seededRandom(seed * 2);
  const calm = random.next() < 0.4;
  const agents = 2 + random.int(3);
  const masters = random.next() < MANY ? 2 + random.int(2) : 1;
  const byConsul = masters > 1 && random.next() < 0.5;
  const until = 120_000 + random.int(180_000);
  const weight = (kind: Kind): number => (calm ? kind.calm : kind.wild);
  // each run prefers some kinds, so that these meet each other
  const kinds = Object.entries(KINDS).flatMap(([name, kind]) => {
    if (kind.many === true && masters === 1) return [];
    const w = weight(kind) * (random.next() < 0.4 ? 0 : random.next() < 0.3 ? 4 : 1);
    return w > 0 ? [{ name, kind, w }] : [];
  });
  const all = kinds.reduce((sum, k) => sum + k.w, 0);
  const steps: Step[] = [0, 1].map((who) => ({
    at: 1_000 + random.int(5_000),
    kind: 'grow',
    who,
    ms: 0,
    share: 0,
  }));
  const gap = 3_000 + random.int(17_000);
  const end = all > 0 ? until : 0;
  for (let t = 10_000; t < end; t += random.next() * 2 * gap) {
    let left = random.next() * all;
    const chosen = kinds.find((k) => (left -= k.w) < 0) ?? kinds[0];
    if (!chosen) break;
    const [min, max] = chosen.kind.ms;
    // short ones are as interesting as long ones
    const ms = Math.round(min + (max - min) * random.next() ** 2);
    steps.push({ at: Math.round(t), kind: chosen.name, who: random.int(1_000), ms, share: random.next() });
  }
  return { agents, masters, byConsul, calm, until, steps };
}

export function take(cluster: Cluster, step: Step): void {
  KINDS[step.kind]?.run(cluster, step);
}

export function describeStep(step: Step): string {
  const long = step.ms > 0 ? ` for ${(step.ms / 1000).toFixed(1)} s` : '';
  return `at ${(step.at / 1000).toFixed(1)} s: ${step.kind}${long} (${step.who}, ${step.share.toFixed(2)})`;
}
