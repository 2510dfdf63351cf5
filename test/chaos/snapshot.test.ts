import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { canSeeProcesses } from '../support/processes.ts';
import { root } from '../support/root.ts';

// What `npm run bench:cluster` measures, with bounds that only something wrong goes over.

const TASKS = 10_000;
/** Of CPU, so that a full machine does not decide. */
const FIRST_LOAD_MS = 3_000;
const PEAK_OVER_STEADY = 1.6;
const LONGEST_BLOCK_MS = 50;

/** Both sides, each a process of its own, as the bench runs them. */
function side(flags: readonly string[], ...words: readonly string[]): ChildProcess {
  const file = join(root, 'bench/cluster/refresh.ts');
  return spawn(process.execPath, [...flags, file, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child: ChildProcess): Promise<Record<string, number>> {
  const lines = createInterface(child.stdout!);
  const [line] = (await once(lines, 'line')) as [string];
  lines.close();
  return JSON.parse(line) as Record<string, number>;
}

describe.skipIf(!canSeeProcesses)('a snapshot of many tasks (needs /proc)', () => {
  it(`of ${TASKS} tasks is taken in soon, in little more memory than it needs, and in small pieces`, async () => {
    const master = side([], 'master', String(TASKS), 'stream');
    const { port } = await firstLine(master);
    const follower = side(
      ['--expose-gc', '--semi-space-growth-factor=1'],
      'follower',
      String(port),
      'stream',
    );
    const over = once(follower, 'exit');
    const seen = await firstLine(follower);
    await over;
    master.kill('SIGKILL');
    await once(master, 'exit');
    const [cpuMs, blockMs] = [
      seen['first load CPU ms'] ?? Number.NaN,
      seen['first load: longest block, ms of CPU'] ?? Number.NaN,
    ];
    // Both with the pages of the program that the load ran through.
    const steady =
      (seen['RSS steady MB'] ?? Number.NaN) + (seen['program pages given back MB'] ?? Number.NaN);
    const ratio = (seen['RSS peak MB'] ?? Number.NaN) / steady;
    console.log(
      `first load ${cpuMs.toFixed(0)} ms of CPU, peak ${ratio.toFixed(2)} of steady, longest block ${blockMs.toFixed(1)} ms`,
    );
    expect(cpuMs).toBeLessThan(FIRST_LOAD_MS);
    expect(ratio).toBeLessThan(PEAK_OVER_STEADY);
    expect(blockMs).toBeLessThan(LONGEST_BLOCK_MS);
  });
});
