import { execFileSync } from 'node:child_process';
import { PerformanceObserver, constants } from 'node:perf_hooks';
import { expect, it } from 'vitest';
import { keepLittleFree, loadTrim } from '../net/linux/index.ts';
import { processMemory } from './process-memory.ts';

/** Resolves at the next collection of everything. */
function wholeCollection(): Promise<void> {
  return new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => {
      const kinds = list
        .getEntries()
        .map((entry) => (entry as unknown as { readonly detail: { readonly kind: number } }).detail.kind);
      if (!kinds.includes(constants.NODE_PERFORMANCE_GC_MAJOR)) return;
      observer.disconnect();
      resolve();
    });
    observer.observe({ entryTypes: ['gc'] });
  });
}

it('collects all garbage when told to, in its own time', async () => {
  const memory = processMemory();
  let held: number[][] | undefined = Array.from({ length: 400 }, () =>
    Array.from({ length: 10_000 }, (_, i) => i),
  );
  const full = memory.used();
  expect(held.flat().length).toBe(4_000_000);
  held = undefined;
  const collected = wholeCollection();
  memory.collect();
  await collected;
  expect(full - memory.used()).toBeGreaterThan(16 * 2 ** 20);
});

it('collects again right after a collection, when nothing has been made since', async () => {
  const memory = processMemory();
  for (let i = 0; i < 3; i++) {
    const collected = wholeCollection();
    memory.collect();
    await collected;
  }
});

it('the young generation grows once garbage is expected, and not before', () => {
  const program = `
    import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
    import { processMemory } from ${JSON.stringify(new URL('process-memory.ts', import.meta.url).href)};
    const young = () => getHeapSpaceStatistics().find((s) => s.space_name === 'new_space').space_size;
    let kept = [];
    // as bin/rimrock.mjs does
    setFlagsFromString('--semi-space-growth-factor=1');
    const work = () => {
      for (let i = 0; i < 2_000_000; i++) {
        if (i % 100_000 === 0) kept = [];
        kept.push({ i });
      }
    };
    work();
    const before = young();
    processMemory().expectGarbage();
    work();
    console.log(before, young());`;
  const flags = ['--input-type=module', '-e'];
  const [before = 0, after = 0] = execFileSync(process.execPath, [...flags, program], { encoding: 'utf8' })
    .split(' ')
    .map(Number);
  expect(before).toBeLessThan(8 * 2 ** 20);
  expect(after).toBeGreaterThan(4 * before);
});

it('gives back memory where the C library can, and otherwise does nothing', async () => {
  expect(await loadTrim('win32')).toBeUndefined();
  expect(await keepLittleFree('win32')).toBe(false);
  expect(processMemory().giveBack()).toBeUndefined();
  expect((await loadTrim())?.()).toBeUndefined();
});

it.runIf(process.platform === 'linux')(
  'what comes and goes in large blocks is not kept once that was asked for',
  () => {
    const net = JSON.stringify(new URL('../net/linux/index.ts', import.meta.url).href);
    const program = `
    import { readFileSync } from 'node:fs';
    import { keepLittleFree } from ${net};
    import koffi from 'koffi';
    const told = process.argv[1] === 'told' && await keepLittleFree();
    const libc = koffi.load(null);
    const malloc = libc.func('malloc', 'uint64', ['uint64']);
    const free = libc.func('free', 'void', ['uint64']);
    const resident = () => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
    const clear = libc.func('memset', 'uint64', ['uint64', 'int', 'uint64']);
    const block = (bytes) => { const at = malloc(bytes); clear(at, 1, bytes); return at; };
    // From here on glibc takes 20 MiB to be nothing much, if it is left to learn.
    free(block(20 * 2 ** 20));
    const before = resident();
    const blocks = Array.from({ length: 24 }, () => block(2 ** 20 - 4096));
    for (const at of blocks.reverse()) free(at);
    console.log(JSON.stringify({ told, kept: resident() - before }));`;
    const kept = (...args: string[]): { told: boolean; kept: number } => {
      const flags = ['--input-type=module', '-e', program, ...args];
      return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as ReturnType<
        typeof kept
      >;
    };
    expect(kept().kept).toBeGreaterThan(16);
    const told = kept('told');
    expect(told.told).toBe(true);
    expect(told.kept).toBeLessThan(8);
  },
);
