import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addTallies, readVitestReport } from '../../scripts/support/tally.ts';

function report(files: readonly { status: string; tests: readonly string[] }[]): string {
  return JSON.stringify({
    testResults: files.map((f, i) => ({
      name: `file${i}`,
      status: f.status,
      assertionResults: f.tests.map((status, t) => ({ fullName: `test ${i}.${t}`, status })),
    })),
  });
}

describe('the count at the end of npm test', () => {
  it.each([
    ['green', [{ status: 'passed', tests: ['passed', 'passed'] }], 0, [2, 0, 0]],
    ['skipped by name', [{ status: 'passed', tests: ['passed', 'pending', 'todo'] }], 0, [1, 0, 2]],
    ['a red test', [{ status: 'failed', tests: ['passed', 'failed'] }], 1, [1, 1, 0]],
    ['a file that does not load', [{ status: 'failed', tests: [] }], 1, [0, 1, 0]],
    ['red without a red test', [{ status: 'passed', tests: ['passed'] }], 1, [1, 1, 0]],
    ['nothing executed', [{ status: 'passed', tests: ['pending'] }], 0, [0, 1, 1]],
    ['no files at all', [], 0, [0, 1, 0]],
  ] as const)('%s', (_name, files, exitCode, expected) => {
    const at = join(mkdtempSync(join(tmpdir(), 'rimrock-tally-')), 'report.json');
    writeFileSync(at, report(files));
    const { passed, failed, skipped } = readVitestReport(at, exitCode);
    rmSync(join(at, '..'), { recursive: true });
    expect([passed, failed, skipped]).toEqual(expected);
  });

  it('counts a run that left no report as a failure', () => {
    expect(readVitestReport('/nowhere/report.json', 0)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('adds up', () => {
    const a = { passed: 1, failed: 2, skipped: 1, skippedNames: ['a'] };
    expect(addTallies([a, a])).toEqual({ passed: 2, failed: 4, skipped: 2, skippedNames: ['a', 'a'] });
  });
});
