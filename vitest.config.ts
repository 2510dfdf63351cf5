import { defineConfig } from 'vitest/config';

// Three projects, cheapest first. `unit` stands beside the source; `process` boots real entry points;
// `interop` needs real peers (dig, curl, Mesos clients) and names what it skips.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'test/presubmit/**/*.test.ts',
            'test/fuzz/**/*.test.ts',
            'test/replay/**/*.test.ts',
          ],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'process',
          include: [
            'test/e2e/**/*.test.ts',
            'test/interop/**/*.test.ts',
            'test/chaos/**/*.test.ts',
            'test/conformance/**/*.test.ts',
          ],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
