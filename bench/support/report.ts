import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';
import { table } from './figure.ts';
import type { FigureResult, Finding } from './figure.ts';
import { installed } from './machine.ts';

const RESULTS = join(import.meta.dirname, '../RESULTS.md');

export interface SectionParts {
  /** `## DNS`. */
  readonly head: string;
  /** Programs that took part, by name and version. */
  readonly versions: readonly string[];
  readonly missing: readonly string[];
  /** `3 rounds of 3 s.` */
  readonly how: string;
  /** What was done, for the reader. */
  readonly about: string;
}

const verdict = ({ reached }: Finding): string =>
  reached === undefined ? '-' : reached ? 'reached' : '**missed**';

/** What a run found, as markdown. */
export function section(results: readonly FigureResult[], parts: SectionParts): string {
  const { head, versions, missing, how, about } = parts;
  const findings = results.flatMap((r) => r.findings);
  const rows = findings.map((f) => [f.what, f.goal, f.measured, verdict(f)]);
  const system = [
    `Linux ${execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim()}`,
    `Node ${process.version}`,
  ];
  return [
    head,
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} cores; ${[...system, ...versions].join(', ')}. ${how}${missing.length > 0 ? ` Not installed: ${missing.join(', ')}.` : ''}`,
    about,
    table([['figure', 'goal', 'measured', 'verdict'], ...rows]),
    ...results.flatMap((r) => r.details),
  ].join('\n\n');
}

/** `knotd 3.2.6`, if it is installed; the pattern's first group is the version in what the program says. */
export function said(program: string, option: string, pattern: RegExp): string[] {
  const path = installed(program);
  if (path === undefined) return [];
  const { stdout, stderr } = spawnSync(path, [option], { encoding: 'utf8' });
  const version = pattern.exec(`${stdout}${stderr}`)?.[1];
  return version === undefined ? [program] : [`${program} ${version}`];
}

/** Put a section in the place of the one before that has the same head. */
export function writeSection(head: string, text: string): void {
  const before = readFileSync(RESULTS, 'utf8');
  const from = before.indexOf(`\n${head}\n`) + 1;
  const rest = from === 0 ? before.length : before.indexOf('\n## ', from);
  const start = from === 0 ? `${before.trimEnd()}\n\n` : before.slice(0, from);
  const tail = rest === -1 || from === 0 ? '' : before.slice(rest);
  writeFileSync(RESULTS, `${start}${text}\n${tail}`);
}
