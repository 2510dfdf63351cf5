import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';
import { RunReporter } from './scripts/support/run-report.ts';
import { ALONE, LONGEST } from './test/support/order.ts';

/** Where `npm test` wants to read what came of a run. */
const report = process.env['RIMROCK_TEST_REPORT'];

// As bin/rimrock.mjs does it: else every thread that a test starts loads a compiler for TypeScript, which takes longer than the test.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/rimrock', import.meta.url));

/** Two files at a time, also where vitest would leave one of two processors to itself. */
const SIDE_BY_SIDE = 2;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((path) => moduleId.endsWith(path));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

/** Compares with another commit, which somebody has to name. */
const ON_DEMAND = process.env['RIMROCK_SKEW_FROM'] === undefined ? ['test/chaos/version-skew.test.ts'] : [];

/** `expect.poll` waits for an event, on a machine that does other things as well: how long that takes is nothing that it measures. */
const expect = { poll: { timeout: 20_000 } };

/** Of tests that boot real entry points. Real peers (dig, curl, Mesos clients) that are not here are named by what is skipped. */
const processes = {
  setupFiles: ['test/support/leak-gate.ts'],
  expect,
  testTimeout: 180_000,
  hookTimeout: 120_000,
};

// Three projects: `unit` stands beside the source, `process` boots real entry points, `alone` as well, one file after the other.
// A list of exclusions here makes that of a command line without effect.
export default defineConfig({
  test: {
    reporters: ['default', ...(report === undefined ? [] : [new RunReporter(report)])],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'test/presubmit/**/*.test.ts',
            'test/fuzz/**/*.test.ts',
            'test/replay/**/*.test.ts',
            'test/simulation/**/*.test.ts',
          ],
          expect,
          testTimeout: 60_000,
          maxWorkers: SIDE_BY_SIDE,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...processes,
          name: 'process',
          include: ['test/{e2e,interop,chaos,conformance}/**/*.test.ts'],
          exclude: [...ALONE, ...ON_DEMAND],
          maxWorkers: SIDE_BY_SIDE,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...processes,
          name: 'alone',
          include: [...ALONE],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
