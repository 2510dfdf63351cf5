import { checkAnswers, dnsperf } from './dnsperf.ts';
import type { Load } from './dnsperf.ts';
import { cpuByThread, cpuUs } from './machine.ts';
import { median, medianRatio, shuffled } from './statistics.ts';

/** A server under test. */
export interface Subject {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly questions: string;
  /** It sends back what it gets: its answers are not looked at. */
  readonly echo?: boolean;
  /** Our threads are told apart. */
  readonly ours?: boolean;
}

interface Sample {
  readonly usPerQuery: number;
  readonly perSecond: number;
  readonly busy: number;
  readonly lost: number;
  readonly worstMs: number;
  readonly threads: ReadonlyMap<string, number>;
}

export interface RoundsPlan {
  readonly rounds: number;
  readonly seconds: number;
  readonly load?: Partial<Load>;
}

/**
 * Measurements in pairs: each round meets every server once, in a random order, so that the mood of the machine meets all of them.
 * Compare by `ratio`, which goes round by round.
 */
export class Rounds {
  readonly #samples = new Map<string, Sample[]>();

  static async run(subjects: readonly Subject[], plan: RoundsPlan): Promise<Rounds> {
    const result = new Rounds();
    for (const subject of subjects) {
      result.#samples.set(subject.name, []);
      await measure(subject, { ...plan, seconds: 1 }); // to warm up
    }
    for (let round = 0; round < plan.rounds; round++) {
      for (const subject of shuffled(subjects)) {
        const sample = await measure(subject, plan);
        result.#samples.get(subject.name)?.push(sample);
        console.log(
          `  round ${round + 1}  ${subject.name.padEnd(28)} ${sample.usPerQuery.toFixed(2).padStart(7)} µs` +
            `  ${Math.round(sample.perSecond).toLocaleString('en').padStart(8)}/s  busy ${(sample.busy * 100).toFixed(0)} %`,
        );
      }
    }
    return result;
  }

  has(name: string): boolean {
    return this.#samples.has(name);
  }

  median(name: string, field: 'usPerQuery' | 'perSecond' | 'busy' | 'worstMs'): number {
    return median(this.#of(name).map((s) => s[field]));
  }

  /** How many times as much CPU per query `name` takes as `than`; NaN when one of them was not measured. */
  ratio(name: string, than: string): number {
    return medianRatio(
      this.#of(name).map((s) => s.usPerQuery),
      this.#of(than).map((s) => s.usPerQuery),
    );
  }

  lost(name: string): number {
    return this.#of(name).reduce((sum, s) => sum + s.lost, 0);
  }

  /** `main 0.1, dns-0 3.9`: µs per query by thread, those that matter. */
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
    const known = bases.filter((base) => this.has(base));
    const head = ['server', 'CPU µs/query', 'queries/s', 'busy', 'lost', ...known.map((b) => `× ${b}`)];
    const rows = [...this.#samples.keys()].map((name) => {
      const threads = this.threads(name);
      return [
        name,
        this.median(name, 'usPerQuery').toFixed(2) + (threads === '' ? '' : ` (${threads})`),
        Math.round(this.median(name, 'perSecond')).toLocaleString('en'),
        `${(this.median(name, 'busy') * 100).toFixed(0)} %`,
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

async function measure(subject: Subject, plan: RoundsPlan): Promise<Sample> {
  const before = { cpu: cpuUs(subject.pid), threads: cpuByThread(subject.pid) };
  const result = await dnsperf({
    ...plan.load,
    port: subject.port,
    questions: subject.questions,
    seconds: plan.seconds,
  });
  const cpu = cpuUs(subject.pid) - before.cpu;
  const after = cpuByThread(subject.pid);
  if (!subject.echo) checkAnswers(subject.name, result);
  const threads = subject.ours
    ? [...after].map(
        ([name, us]) => [name, (us - (before.threads.get(name) ?? 0)) / result.completed] as const,
      )
    : [];
  return {
    usPerQuery: cpu / result.completed,
    perSecond: result.perSecond,
    busy: cpu / (plan.seconds * 1e6),
    lost: result.lost,
    worstMs: result.worstMs,
    threads: new Map(threads),
  };
}
