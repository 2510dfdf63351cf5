import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { keepLittleFree, loadForgetProgram, loadTrim } from '../net/linux/index.ts';
import type { ProcessMemory } from './run/idle-memory.ts';

/** Arrays of 64 KiB: just more than a young generation of the smallest size holds. With more a second collection would begin. */
const PIECES = 20;
const PIECE_LENGTH = 8_192;

/** The memory of this process. */
export function processMemory(): ProcessMemory {
  let trim: ReturnType<typeof loadTrim> | undefined;
  let forgetProgram: ReturnType<typeof loadForgetProgram> | undefined;
  return {
    used: () => getHeapStatistics().used_heap_size,
    collect,
    expectGarbage,
    keepLittleFree: () => void keepLittleFree(),
    giveBack() {
      trim ??= loadTrim();
      void trim.then((now) => now?.());
      forgetProgram ??= loadForgetProgram();
      void forgetProgram.then((now) => now?.());
    },
  };
}

/**
 * `bin/rimrock.mjs` keeps the young generation at its smallest, which is right for whoever keeps nearly all that it makes. A master
 * makes garbage by the thousand calls and offers: it must die young, not in collections of a heap that holds a large cluster.
 */
function expectGarbage(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}

/**
 * Node can only collect all at once (`gc`), which stops the process for 100 ms at 100 MB. V8 itself does it in steps, when it
 * sees that there is little room left; so it is told to begin whatever room there is (by how much the heap has grown is no reason:
 * not at all, right after another collection), and then given reason to look. What begins while it is told that size matters also
 * moves what is on nearly empty pages, and keeps none of the free ones.
 */
function collect(): void {
  setFlagsFromString('--optimize-for-size');
  setFlagsFromString('--stress-incremental-marking');
  let filled = 0;
  for (let i = 0; i < PIECES; i++) filled += Array.from({ length: PIECE_LENGTH }, () => i).length;
  if (filled > 0) setFlagsFromString('--no-stress-incremental-marking');
  setFlagsFromString('--no-optimize-for-size');
}
