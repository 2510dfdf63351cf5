import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileReport, RunReport } from '../../scripts/support/run-report.ts';
import { runCommand } from '../../scripts/support/run-command.ts';
import { addTallies, endOfReport, firstLine, readRunReport, tallyOf } from '../../scripts/support/tally.ts';
import { root } from '../support/root.ts';

function report(...files: readonly Partial<FileReport>[]): RunReport {
  const whole = files.map((f, i) => ({
    file: `file${i}`,
    state: 'passed' as const,
    ms: 1,
    errors: [],
    tests: [],
    ...f,
  }));
  return { ended: true, files: whole, errors: [] };
}

const passed = { name: 'good', state: 'passed' } as const;
const failed = { name: 'bad', state: 'failed', error: '\n\x1b[31mError: no\x1b[0m\n  at x' } as const;
const skipped = { name: 'left out', state: 'skipped' } as const;
const open = { name: 'open', state: 'unfinished', started: false } as const;

describe('the count at the end of npm test', () => {
  it.each<[string, RunReport, number, string[]]>([
    ['green', report({ tests: [passed, passed] }), 0, ['2 passed, 0 failed, 0 skipped']],
    [
      'skipped by name',
      report({ tests: [passed, skipped] }),
      0,
      ['skipped: file0 > left out', '1 passed, 0 failed, 1 skipped'],
    ],
    [
      'a red test',
      report({ state: 'failed', tests: [passed, failed] }, { tests: [skipped] }),
      1,
      ['skipped: file1 > left out', 'failed: file0 > bad: Error: no', '1 passed, 1 failed, 1 skipped'],
    ],
    [
      'a process that died, in a test that had begun',
      {
        ...report({ state: 'unfinished', tests: [open, { ...open, name: 'killer', started: true }] }),
        errors: [{ message: 'Worker exited' }],
      },
      1,
      [
        'failed: file0 > killer: its process died; 2 tests are without a result',
        '0 passed, 1 failed, 0 skipped',
      ],
    ],
    [
      'a run that was ended from outside',
      { ...report({ tests: [passed] }, { state: 'unfinished', tests: [open] }), ended: false },
      1,
      [
        'failed: file1: still running when all was ended; 1 tests are without a result',
        '1 passed, 1 failed, 0 skipped',
      ],
    ],
    [
      'ended from outside between two files',
      { ...report({ tests: [passed] }), ended: false },
      143,
      ['failed: run: cut short, exit status 143', '1 passed, 1 failed, 0 skipped'],
    ],
    [
      'a file that failed and does not say why',
      report({ state: 'failed' }),
      1,
      ['failed: file0: failed without an error', '0 passed, 1 failed, 0 skipped'],
    ],
    [
      'red without a red test',
      report({ tests: [passed] }),
      1,
      ['failed: run: exit status 1', '1 passed, 1 failed, 0 skipped'],
    ],
    [
      'nothing executed',
      report({ tests: [skipped] }),
      0,
      ['skipped: file0 > left out', 'failed: run: nothing was executed', '0 passed, 1 failed, 1 skipped'],
    ],
    ['no files at all', report(), 0, ['failed: run: nothing was executed', '0 passed, 1 failed, 0 skipped']],
  ])('%s', (_name, found, exitCode, end) => {
    expect(endOfReport(tallyOf(found, 'run', exitCode))).toEqual(end);
  });

  it('counts a run that left no report as a failure', () => {
    expect(readRunReport('/nowhere/report.json', 'unit', 137)).toEqual({
      passed: 0,
      failures: [{ name: 'unit', reason: 'no report, exit status 137' }],
      skipped: [],
    });
  });

  it('adds up', () => {
    const a = { passed: 1, failures: [{ name: 'f', reason: 'r' }], skipped: ['s'] };
    expect(addTallies([a, a])).toEqual({
      passed: 2,
      failures: [...a.failures, ...a.failures],
      skipped: ['s', 's'],
    });
  });

  it('has a word for an error without one', () => {
    expect(firstLine(' \n')).toBe('without a word');
  });
});

describe('what a run of vitest leaves, in which much goes wrong', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-tally-'));
  const at = join(folder, 'report.json');
  const files = {
    // It dies when the report says that it has begun: what comes of a process only just before its end may be lost.
    'dies.mjs': `import { existsSync, readFileSync } from 'node:fs';
      const tests = () => JSON.parse(readFileSync(${JSON.stringify(at)}, 'utf8')).files.flatMap((file) => file.tests);
      const begun = () => existsSync(${JSON.stringify(at)}) && tests().some(({ name, started }) => name === 'dies' && started);
      // What happens within 100 ms of the last report vitest may keep to itself until something happens after that.
      beforeEach(() => new Promise((resolve) => setTimeout(resolve, 200)));
      it('before', () => {});
      it('dies', () => new Promise(() => setInterval(() => begun() && process.kill(process.pid, 'SIGKILL'), 10)), 60_000);
      it('after', () => {});`,
    'does-not-load.mjs': `import './nowhere.mjs';`,
    'set-up.mjs': `describe('group', () => { beforeAll(() => { throw new Error('no set-up'); }); it('in it', () => {}); });`,
    'mixed.mjs': `it('good', () => {});
      it.skip('left out', () => {});
      it('bad', () => { expect(1).toBe(2); });
      it('loose', () => new Promise((resolve) => {
        setTimeout(() => { throw new Error('thrown by nobody'); }, 1);
        setTimeout(resolve, 100);
      }));`,
    'vitest.config.mjs': `import { RunReporter } from ${JSON.stringify(`${root}/scripts/support/run-report.ts`)};
      export default { test: {
        globals: true,
        include: ['*.mjs'],
        exclude: ['vitest.config.mjs'],
        maxWorkers: 1,
        reporters: [new RunReporter(${JSON.stringify(at)})],
      } };`,
  };
  let end: string[] = [];

  beforeAll(async () => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const { code } = await runCommand(
      [process.execPath, `${root}/node_modules/vitest/vitest.mjs`, 'run', '--root', folder],
      { cwd: root, env: process.env, timeoutMs: 100_000, quiet: true },
    );
    end = endOfReport(readRunReport(at, 'unit', code)).sort();
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is all told by name: the dead process, the file that does not load, set-up, test and loose error', () => {
    expect(end).toEqual([
      '3 passed, 5 failed, 2 skipped',
      'failed: dies.mjs > dies: its process died; 2 tests are without a result',
      expect.stringMatching(/^failed: does-not-load\.mjs: .*nowhere\.mjs/),
      'failed: mixed.mjs > bad: AssertionError: expected 1 to be 2 // Object.is equality',
      'failed: mixed.mjs: outside the tests: thrown by nobody',
      'failed: set-up.mjs > group: no set-up',
      'skipped: mixed.mjs > left out',
      'skipped: set-up.mjs > group > in it',
    ]);
  });
});
