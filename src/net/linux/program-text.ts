import { open, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { MADV_DONTNEED } from './constants.ts';
import { loadLibc } from './libc.ts';
import type { Libc } from './libc.ts';

/** /proc/self/pagemap has a word of 64 bits for each page; these are of its upper half. */
const ENTRY_BYTES = 8;
const PRESENT = (2 ** 31) | 0;
const SWAPPED = 1 << 30;
const OF_FILE = 1 << 29;
/** How much one call takes out, so that nobody waits for the page tables for long. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Addresses from `from` to `to`. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * A function that has the system forget where the pages of the running program are, of which most only the start needed: the compiler,
 * readers of configuration, two thirds of Node. They stay in the cache of files, and who runs into one again gets it and its neighbours
 * for a microsecond or two. Undefined where it cannot be had.
 */
export async function loadForgetProgram(
  program: string = process.execPath,
): Promise<(() => Promise<void>) | undefined> {
  const { libc } = await loadLibc();
  if (!libc) return undefined;
  return () => forget(libc, program).catch(() => undefined); // without /proc
}

async function forget(libc: Libc, program: string): Promise<void> {
  const stretches = programStretches(await readFile('/proc/self/maps', 'utf8'), program);
  const pageBytes = libc.getpagesize();
  const pages = await open('/proc/self/pagemap');
  try {
    for (const { from, to } of stretches) {
      if (!(await asInFile(pages, from / pageBytes, to / pageBytes))) continue;
      for (let at = from; at < to; at += PIECE_BYTES)
        libc.madvise(at, Math.min(PIECE_BYTES, to - at), MADV_DONTNEED);
    }
  } finally {
    await pages.close();
  }
}

/** Where in /proc/self/maps (proc(5)) parts of the program are that cannot be written to. */
export function programStretches(maps: string, program: string): Stretch[] {
  const found: Stretch[] = [];
  for (const line of maps.split('\n')) {
    const [, from, to, path] = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ [1-9]\d* +(.*)$/.exec(line) ?? [];
    if (from !== undefined && to !== undefined && path === program)
      found.push({ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16) });
  }
  return found;
}

/** Whether none of the pages was changed since it came out of its file, as the linker does before it locks some of them. */
async function asInFile(pages: FileHandle, first: number, end: number): Promise<boolean> {
  const length = (end - first) * ENTRY_BYTES;
  const { bytesRead, buffer } = await pages.read(Buffer.alloc(length), 0, length, first * ENTRY_BYTES);
  return bytesRead === length && !hasOwnPage(buffer);
}

/** Whether a part of /proc/self/pagemap tells of a page that is not as in the file. */
export function hasOwnPage(entries: Buffer): boolean {
  for (let at = 4; at < entries.length; at += ENTRY_BYTES) {
    const flags = entries.readInt32LE(at);
    if ((flags & (PRESENT | SWAPPED)) !== 0 && (flags & OF_FILE) === 0) return true;
  }
  return false;
}
