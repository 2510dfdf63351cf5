import { LOAD_CORE, coreUs, cpuByThread, cpuUs } from './machine.ts';
import { median, medianRatio, shuffled } from './statistics.ts';

/** A server under test. */
export interface Subject {
  readonly name: string;
  readonly pid: number;
  /** Our threads are told apart. */
  readonly ours?: boolean;
}

/** What the load was, as who made it says. */
export interface Driven {
  readonly completed: number;
  readonly perSecond: number;
  readonly lost: number;
  readonly worstMs: number;
  /** How long it really took; absent: as long as asked for. */
  readonly seconds?: number;
}

interface Sample {
  readonly usEach: number;
  readonly perSecond: number;
  /** Share of its core that the server took. */
  readonly busy: number;
  /** Share of the load's core that was not idle, whoever took it. */
  readonly loadBusy: number;
  readonly lost: number;
  readonly worstMs: number;
  readonly threads: ReadonlyMap<string, number>;
}

export interface RoundsPlan<S extends Subject> {
  readonly rounds: number;
  readonly seconds: number;
  /** How long each is under load before anything counts; absent: 1. */
  readonly warmUpSeconds?: number;
  /** What is counted: one, and many of them. */
  readonly unit: readonly [one: string, many: string];
  /** Put load on a server; throws when what it answers is not sound. */
  readonly drive: (subject: S, seconds: number) => Promise<Driven>;
}

/**
 * Measurements in pairs: each round meets every server once, in a random order, so that the mood of the machine meets all of them.
 * Compare by `ratio`, which goes round by round.
 */
export class Rounds {
  readonly #samples = new Map<string, Sample[]>();
  readonly #unit: readonly [one: string, many: string];

  constructor(unit: readonly [one: string, many: string]) {
    this.#unit = unit;
  }

  static async run<S extends Subject>(subjects: readonly S[], plan: RoundsPlan<S>): Promise<Rounds> {
    const result = new Rounds(plan.unit);
    for (const subject of subjects) {
      result.#samples.set(subject.name, []);
      await measure(subject, { ...plan, seconds: plan.warmUpSeconds ?? 1 });
    }
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of shuffled(subjects)) {
        const sample = await measure(subject, plan);
        result.#samples.get(subject.name)?.push(sample);
        console.log(
          `  round ${round + 1}  ${subject.name.padEnd(28)} ${sample.usEach.toFixed(2).padStart(7)} µs` +
            `  ${Math.round(sample.perSecond).toLocaleString('en').padStart(8)}/s  busy ${(sample.busy * 100).toFixed(0)} %`,
        );
      }
    }
    return result;
  }

  has(name: string): boolean {
    return this.#samples.has(name);
  }

  median(name: string, field: 'usEach' | 'perSecond' | 'busy' | 'loadBusy' | 'worstMs'): number {
    return median(this.#of(name).map((s) => s[field]));
  }

  /** How many times as much CPU each takes with `name` as with `than`; NaN when one of them was not measured. */
  ratio(name: string, than: string): number {
    return medianRatio(
      this.#of(name).map((s) => s.usEach),
      this.#of(than).map((s) => s.usEach),
    );
  }

  /** The same beside the best of several in each round, as far as they were measured. */
  ratioToBest(name: string, others: readonly string[]): number {
    const measured = others.filter((other) => this.has(other)).map((other) => this.#of(other));
    return median(
      this.#of(name).map(
        ({ usEach }, round) => usEach / Math.min(...measured.map((all) => all[round]?.usEach ?? Infinity)),
      ),
    );
  }

  lost(name: string): number {
    return this.#of(name).reduce((sum, s) => sum + s.lost, 0);
  }

  /** `main 0.1, dns-0 3.9`: µs each by thread, those that matter. */
  threads(name: string): string {
    const samples = this.#of(name);
    const names = new Set(samples.flatMap((s) => [...s.threads.keys()]));
    return [...names]
      .map((thread) => ({ thread, us: median(samples.map((s) => s.threads.get(thread) ?? 0)) }))
      .filter(({ us }) => us >= 0.05)
      .toSorted((a, b) => b.us - a.us)
      .map(({ thread, us }) => `${thread} ${us.toFixed(1)}`)
      .join(', ');
  }

  /** A markdown table of all, each beside `bases`. */
  table(bases: readonly string[]): string {
    const [one, many] = this.#unit;
    const known = bases.filter((base) => this.has(base));
    const head = [
      'server',
      `CPU µs/${one}`,
      `${many}/s`,
      'busy',
      'load busy',
      'lost',
      ...known.map((b) => `× ${b}`),
    ];
    const rows = [...this.#samples.keys()].map((name) => {
      const threads = this.threads(name);
      return [
        name,
        this.median(name, 'usEach').toFixed(2) + (threads === '' ? '' : ` (${threads})`),
        Math.round(this.median(name, 'perSecond')).toLocaleString('en'),
        `${(this.median(name, 'busy') * 100).toFixed(0)} %`,
        `${(this.median(name, 'loadBusy') * 100).toFixed(0)} %`,
        this.lost(name),
        ...known.map((base) => this.ratio(name, base).toFixed(2)),
      ];
    });
    return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
  }

  #of(name: string): readonly Sample[] {
    return this.#samples.get(name) ?? [];
  }
}

async function measure<S extends Subject>(subject: S, plan: RoundsPlan<S>): Promise<Sample> {
  const before = { cpu: cpuUs(subject.pid), threads: cpuByThread(subject.pid), load: coreUs(LOAD_CORE) };
  const result = await plan.drive(subject, plan.seconds);
  const cpu = cpuUs(subject.pid) - before.cpu;
  const after = cpuByThread(subject.pid);
  const load = coreUs(LOAD_CORE);
  const threads = subject.ours
    ? [...after].map(
        ([name, us]) => [name, (us - (before.threads.get(name) ?? 0)) / result.completed] as const,
      )
    : [];
  return {
    usEach: cpu / result.completed,
    perSecond: result.perSecond,
    busy: cpu / ((result.seconds ?? plan.seconds) * 1e6),
    loadBusy: (load.busy - before.load.busy) / (load.all - before.load.all),
    lost: result.lost,
    worstMs: result.worstMs,
    threads: new Map(threads),
  };
}
