import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { FigureResult, Finding } from './figure.ts';
import { table } from './figure.ts';
import { missing, versions } from './peers.ts';

const RESULTS = join(import.meta.dirname, '../RESULTS.md');
const HEAD = '## DNS';

const verdict = ({ reached }: Finding): string =>
  reached === undefined ? '-' : reached ? 'reached' : '**missed**';

/** The section about DNS, as markdown. */
export function section(results: readonly FigureResult[], how: string): string {
  const findings = results.flatMap((r) => r.findings);
  const rows = findings.map((f) => [f.what, f.goal, f.measured, verdict(f)]);
  return [
    HEAD,
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores; ${versions().join(', ')}. ${how}${missing.length > 0 ? ` Not installed: ${missing.join(', ')}.` : ''}`,
    `Ours is a whole \`rimrock edge\` that follows a master; in brackets its CPU time by thread. Servers on core 0, load on core 1, 60 % A, 30 % SRV, 10 % NXDOMAIN, driven by dnsperf; each round meets all servers in a random order, ratios are medians over rounds. Where a server is busy for less than 90 %, the load was the limit and not the server. Latencies are those of a C client at real-time priority.`,
    table([['figure', 'goal', 'measured', 'verdict'], ...rows]),
    ...results.flatMap((r) => r.details),
  ].join('\n\n');
}

/** Put the section in the place of the one before. */
export function writeSection(text: string): void {
  const before = readFileSync(RESULTS, 'utf8');
  const from = before.indexOf(`\n${HEAD}\n`) + 1;
  const rest = from === 0 ? before.length : before.indexOf('\n## ', from);
  const head = from === 0 ? `${before.trimEnd()}\n\n` : before.slice(0, from);
  const tail = rest === -1 || from === 0 ? '' : before.slice(rest);
  writeFileSync(RESULTS, `${head}${text}\n${tail}`);
}
