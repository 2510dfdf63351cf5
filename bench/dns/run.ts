/**
 * The DNS server by the figures that it is built for, beside Knot, NSD and a C echo server:
 *
 *     npm run bench:dns                    all figures; writes the section "DNS" of bench/RESULTS.md
 *     npm run bench:dns -- saturated       only these; prints
 *     npm run bench:dns -- --rounds 3 --seconds 2 saturated unsaturated
 *
 * Linux with at least two cores, quiet otherwise. Needs taskset and dnsperf; peers that are missing are left out by name.
 */
import { parseArgs } from 'node:util';
import type { Figure, FigureResult } from './figure.ts';
import { changes } from './figures/changes.ts';
import { memory } from './figures/memory.ts';
import { overload } from './figures/overload.ts';
import { refresh } from './figures/refresh.ts';
import { saturated } from './figures/saturated.ts';
import { snapshot } from './figures/snapshot.ts';
import { unsaturated } from './figures/unsaturated.ts';
import { workers } from './figures/workers.ts';
import { cleanUp } from './machine.ts';
import { missing } from './peers.ts';
import { section, writeSection } from './report.ts';

const FIGURES: readonly Figure[] = [
  saturated,
  unsaturated,
  workers,
  refresh,
  snapshot,
  changes,
  memory,
  overload,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
  },
});
const settings = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
const unknown = positionals.filter((name) => !FIGURES.some((f) => f.name === name));
if (unknown.length > 0)
  throw new Error(`no figure ${unknown.join(', ')}; there are ${FIGURES.map((f) => f.name).join(', ')}`);
for (const needed of ['taskset', 'dnsperf'])
  if (missing.includes(needed)) throw new Error(`${needed} is not installed`);

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void cleanUp().then(() => process.exit(1)));

const results: FigureResult[] = [];
const failures: unknown[] = [];
try {
  for (const figure of FIGURES.filter((f) => positionals.length === 0 || positionals.includes(f.name))) {
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
const text = section(results, `${settings.rounds} rounds of ${settings.seconds} s.`);
console.log(text);
if (positionals.length === 0) writeSection(text);
process.exitCode = failures.length > 0 ? 1 : 0;
