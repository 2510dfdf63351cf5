import { delimiter } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { installPeers } from './support/peers.ts';
import { runCommand } from './support/run-command.ts';
import { addTallies, endOfReport, firstLine, readRunReport } from './support/tally.ts';
import type { Tally } from './support/tally.ts';

// `npm test`: every gate, cheapest first and two at a time. No other begins after a red one; after them all test suites run,
// so that one red test does not hide another. The last line is the sum: `N passed, N failed, N skipped`; before it stand the names of
// what was skipped and of what failed, with the first line of the error.

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = `${root}node_modules/.bin`;
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };

const CANARY = 'test/presubmit/architecture.test.ts';

const gates: readonly (readonly [name: string, ...command: string[]])[] = [
  ['format', 'oxfmt', '--check'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['types', 'tsc', '-p', 'tsconfig.json'],
  ['walls', 'depcruise', 'src', '--config', '.dependency-cruiser.mjs'],
  ['canary', 'vitest', 'run', '--project', 'unit', CANARY],
  ['unused', 'knip', '--no-progress'],
];

const suites: readonly (readonly [name: string, ...arguments_: string[]])[] = [
  ['unit', '--project', 'unit', '--exclude', CANARY],
  ['process', '--project', 'process'],
  ['alone', '--project', 'alone'],
];

/** No suite takes longer; one that hangs is ended and counted as failed. */
const SUITE_LIMIT_MS = 30 * 60_000;

interface Row {
  readonly name: string;
  readonly tally: Tally;
  readonly ms: number;
}

async function runGate([name, ...command]: (typeof gates)[number]): Promise<Row> {
  const result = await runCommand(command, { cwd: root, env, timeoutMs: 10 * 60_000, quiet: true });
  const passed = result.code === 0;
  if (!passed) console.log(`\n--- ${name}: ${command.join(' ')}\n${result.output.trimEnd()}`);
  return {
    name,
    tally: {
      passed: passed ? 1 : 0,
      failures: passed ? [] : [{ name, reason: firstLine(result.output) }],
      skipped: [],
    },
    ms: result.ms,
  };
}

async function runSuite([name, ...options]: (typeof suites)[number], folder: string): Promise<Row> {
  const report = `${folder}/${name}.json`;
  console.log(`\n--- ${name}`);
  const result = await runCommand(['vitest', 'run', ...options], {
    cwd: root,
    env: { ...env, RIMROCK_TEST_REPORT: report },
    timeoutMs: SUITE_LIMIT_MS,
    quiet: false,
  });
  return { name, tally: readRunReport(report, name, result.code), ms: result.ms };
}

function isRed(row: Row): boolean {
  return row.tally.failures.length > 0;
}

function show(row: Row): void {
  const { passed } = row.tally;
  const failed = row.tally.failures.length;
  const skipped = row.tally.skipped.length;
  const verdict = failed > 0 ? 'FAILED' : 'ok';
  const counts = `${passed} passed${failed > 0 ? `, ${failed} failed` : ''}${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  console.log(
    `${row.name.padEnd(10)} ${verdict.padEnd(7)} ${(row.ms / 1000).toFixed(1).padStart(7)} s   ${counts}`,
  );
}

async function main(): Promise<void> {
  const rows: Row[] = [];
  const folder = mkdtempSync(`${tmpdir()}/rimrock-test-report-`);
  try {
    const queue = gates.values();
    const gatekeeper = async (): Promise<void> => {
      for (const gate of queue) {
        const row = await runGate(gate);
        rows.push(row);
        show(row);
        if (rows.some(isRed)) break;
      }
    };
    await Promise.all([gatekeeper(), gatekeeper()]);
    if (!rows.some(isRed)) {
      await installPeers();
      for (const suite of suites) rows.push(await runSuite(suite, folder));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log('\n--- what ran, and what it took');
  for (const row of rows) show(row);
  const sum = addTallies(rows.map((r) => r.tally));
  if (sum.failures.length > 0 || sum.passed === 0) process.exitCode = 1;
  for (const line of endOfReport(sum)) console.log(line);
}

await main();
