import { parseArgs } from 'node:util';
import type { Figure, FigureResult } from './figure.ts';
import { cleanUp, installed } from './machine.ts';
import { section, writeSection } from './report.ts';
import type { SectionParts } from './report.ts';

export interface BenchParts extends Omit<SectionParts, 'how'> {
  readonly figures: readonly Figure[];
  /** Programs without which there is no measuring. */
  readonly needed: readonly string[];
}

/**
 * What a bench does: `[--rounds n] [--seconds n] [figure...]`. All figures, and the section of bench/RESULTS.md is written anew;
 * or only those that are named, which are printed. A figure that fails does not keep the others from running.
 */
export async function runBench({ figures, needed, ...parts }: BenchParts): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
    },
  });
  const settings = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
  const unknown = positionals.filter((name) => !figures.some((f) => f.name === name));
  if (unknown.length > 0)
    throw new Error(`no figure ${unknown.join(', ')}; there are ${figures.map((f) => f.name).join(', ')}`);
  for (const program of needed)
    if (installed(program) === undefined) throw new Error(`${program} is not installed`);

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cleanUp().then(() => process.exit(1)));

  const results: FigureResult[] = [];
  const failures: unknown[] = [];
  try {
    for (const figure of figures.filter((f) => positionals.length === 0 || positionals.includes(f.name))) {
      console.log(figure.name);
      try {
        results.push(await figure.run(settings));
      } catch (error) {
        // The others are worth having all the same.
        failures.push(error);
        console.error(error);
        const what = `figure ${figure.name}`;
        results.push({ findings: [{ what, goal: '', measured: 'failed', reached: false }], details: [] });
      }
    }
  } finally {
    await cleanUp();
  }
  const how = `${settings.rounds} rounds of ${settings.seconds} s.`;
  const text = section(results, { ...parts, how });
  console.log(text);
  if (positionals.length === 0) writeSection(parts.head, text);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
