import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { runOftenAndBriefly } from './slices.ts';

describe('threads that run often and briefly', () => {
  it('are not to be had where nobody knows the number of the call', async () => {
    expect(await runOftenAndBriefly('mips')).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')('ask the kernel, and nothing else about them changes', async () => {
    const module = new URL('slices.ts', import.meta.url).href;
    const worker = new Worker(
      `import(${JSON.stringify(module)}).then(async ({ runOftenAndBriefly }) => {
        const asked = await runOftenAndBriefly();
        const { readFileSync } = await import('node:fs');
        require('node:worker_threads').parentPort.postMessage({ asked, sched: readFileSync('/proc/thread-self/sched', 'utf8') });
      });`,
      { eval: true },
    );
    const told = await new Promise<{ asked: boolean; sched: string }>((resolve, reject) => {
      worker.once('message', resolve).once('error', reject);
    });
    await worker.terminate();
    const number = (sched: string, name: string): number =>
      Number(new RegExp(`^${name}\\s*:\\s*(\\d+)`, 'm').exec(sched)?.[1]);
    expect(told.asked).toBe(true);
    expect([number(told.sched, 'policy'), number(told.sched, 'prio')]).toEqual([0, 120]);
    const own = readFileSync('/proc/self/sched', 'utf8');
    // kernels before 6.12 do not tell, and do nothing
    if (/^se\.slice/m.test(own)) {
      expect(number(told.sched, 'se\\.slice')).toBe(100_000);
      expect(number(own, 'se\\.slice')).not.toBe(100_000);
    }
  });
});
