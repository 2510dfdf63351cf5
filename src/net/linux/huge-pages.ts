import { MADV_HUGEPAGE } from './constants.ts';
import { loadLibc } from './libc.ts';

const HUGE_BYTES = 2 * 1024 * 1024;

/**
 * Ask for large pages under memory that is read all over the place: the processor then finds its way to most of it without a look
 * into the page tables. What was not touched before gets them. Does nothing where it cannot be had.
 */
export async function preferHugePages(memory: SharedArrayBuffer): Promise<void> {
  const { libc } = await loadLibc();
  if (!libc) return;
  const from = libc.addressOf(memory);
  const first = Math.ceil(from / HUGE_BYTES) * HUGE_BYTES;
  const length = Math.floor((from + memory.byteLength - first) / HUGE_BYTES) * HUGE_BYTES;
  if (length > 0) libc.madvise(first, length, MADV_HUGEPAGE);
}
