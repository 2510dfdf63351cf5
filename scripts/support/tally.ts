import { readFileSync } from 'node:fs';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly skippedNames: readonly string[];
}

export function addTallies(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((n, t) => n + t.passed, 0),
    failed: tallies.reduce((n, t) => n + t.failed, 0),
    skipped: tallies.reduce((n, t) => n + t.skipped, 0),
    skippedNames: tallies.flatMap((t) => t.skippedNames),
  };
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/**
 * Count the tests in vitest's JSON report. What the report cannot say counts as one failure: a file that could not
 * be loaded, a run that left no report or ended red without a red test, a run in which nothing was executed.
 */
export function readVitestReport(path: string, exitCode: number): Tally {
  const report = parseReport(path);
  let passed = 0;
  let failed = 0;
  const skippedNames: string[] = [];
  for (const file of report.testResults) {
    const failedBefore = failed;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') passed++;
      else if (test.status === 'failed') failed++;
      else skippedNames.push(test.fullName);
    }
    if (file.status === 'failed' && failed === failedBefore) failed++;
  }
  if (failed === 0 && (exitCode !== 0 || passed === 0)) failed = 1;
  return { passed, failed, skipped: skippedNames.length, skippedNames };
}

function parseReport(path: string): VitestReport {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as VitestReport;
  } catch {
    return { testResults: [] };
  }
}
