import { readFileSync } from 'node:fs';
import type { FileReport, RunReport } from './run-report.ts';

export interface Failure {
  /** File and name of the test, or what else failed. */
  readonly name: string;
  /** The first line of the error. */
  readonly reason: string;
}

export interface Tally {
  readonly passed: number;
  readonly failures: readonly Failure[];
  /** Names of the tests that were not run on purpose. */
  readonly skipped: readonly string[];
}

export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((n, t) => n + t.passed, 0),
    failures: tallies.flatMap((t) => t.failures),
    skipped: tallies.flatMap((t) => t.skipped),
  };
}

/** The end of what `npm test` says: names first, for who sees only the last lines; the sum is the last one. */
export function endOfReport(sum: Tally): string[] {
  const { passed, failures, skipped } = sum;
  return [
    ...skipped.map((name) => `skipped: ${name}`),
    ...failures.map(({ name, reason }) => `failed: ${name}: ${reason}`),
    `${passed} passed, ${failures.length} failed, ${skipped.length} skipped`,
  ];
}

/** The first line of `text` that says anything, without colours. */
export function firstLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- colours begin with a control character
  const lines = text.replaceAll(/\x1b\[[0-9;]*m/g, '').split('\n');
  return lines.find((line) => line.trim() !== '')?.trim() ?? 'without a word';
}

/** What a run of vitest that wrote its report to `path` and ended with `exitCode` comes to; `run` is its name. */
export function readRunReport(path: string, run: string, exitCode: number): Tally {
  let report: RunReport | undefined;
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as RunReport;
  } catch {
    // it did not come to that
  }
  return tallyOf(report, run, exitCode);
}

/**
 * Nothing is lost: what has no result is a failure. That is a file that could not be loaded, whose process died or which
 * was still running when the run was ended, a group whose set-up failed, an error outside the tests, and a run that executed nothing.
 */
export function tallyOf(report: RunReport | undefined, run: string, exitCode: number): Tally {
  if (!report) {
    return {
      passed: 0,
      failures: [{ name: run, reason: `no report, exit status ${exitCode}` }],
      skipped: [],
    };
  }
  const sum = addTallies(report.files.map((file) => tallyOfFile(file, report)));
  const failures: Failure[] = [...sum.failures];
  const unfinished = report.files.some((file) => file.state === 'unfinished');
  for (const error of report.errors) {
    // The end of a process is told without the name of its file, which is told above.
    if (error.file === undefined && unfinished) continue;
    failures.push({ name: error.file ?? run, reason: `outside the tests: ${firstLine(error.message)}` });
  }
  if (failures.length === 0) {
    if (!report.ended) failures.push({ name: run, reason: `cut short, exit status ${exitCode}` });
    else if (exitCode !== 0) failures.push({ name: run, reason: `exit status ${exitCode}` });
    else if (sum.passed === 0) failures.push({ name: run, reason: 'nothing was executed' });
  }
  return { ...sum, failures };
}

function tallyOfFile(file: FileReport, report: RunReport): Tally {
  const failures: Failure[] = file.errors.map((error) => ({
    name: error.group === undefined ? file.file : `${file.file} > ${error.group}`,
    reason: firstLine(error.message),
  }));
  let passed = 0;
  const skipped: string[] = [];
  for (const test of file.tests) {
    const name = `${file.file} > ${test.name}`;
    if (test.state === 'passed') passed++;
    else if (test.state === 'skipped') skipped.push(name);
    else if (test.state === 'failed') failures.push({ name, reason: firstLine(test.error ?? '') });
  }
  if (file.state === 'unfinished') {
    const open = file.tests.filter((test) => test.state === 'unfinished');
    const running = open.find((test) => test.started === true);
    failures.push({
      name: running ? `${file.file} > ${running.name}` : file.file,
      reason: `${report.ended ? 'its process died' : 'still running when all was ended'}; ${open.length} tests are without a result`,
    });
  } else if (file.state === 'failed' && failures.length === 0) {
    failures.push({ name: file.file, reason: 'failed without an error' });
  }
  return { passed, failures, skipped };
}
