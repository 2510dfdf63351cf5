import type { Koffi } from './libc.ts';

/** Of mallopt(3), in glibc. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
/** What glibc begins with. */
const TRIM_BYTES = 128 * 2 ** 10;
/** Larger blocks are mappings of their own. Not as few as glibc begins with: each costs two calls and the page faults. */
const MAPPED_BYTES = 2 ** 20;

/**
 * A function that gives the memory which the C library holds, and nobody uses, back to the system; undefined where there is
 * none (only glibc has it). It takes a millisecond or two: after work that has freed much, not all the time.
 */
export async function loadTrim(platform: string = process.platform): Promise<(() => void) | undefined> {
  const libc = await loadGlibc(platform);
  if (!libc) return undefined;
  const trim = libc.func('malloc_trim', 'int', ['uint64']) as (pad: number) => number;
  return () => void trim(0);
}

/**
 * Have the C library give memory back as soon as it is free at the end of one of its arenas, of which each thread has one. By itself it
 * learns from large blocks that come and go to keep up to 64 MiB in each (mallopt(3)), and `malloc_trim` does not look there. False where it
 * cannot be told.
 */
export async function keepLittleFree(platform: string = process.platform): Promise<boolean> {
  const libc = await loadGlibc(platform);
  if (!libc) return false;
  const mallopt = libc.func('mallopt', 'int', ['int', 'int']) as (what: number, value: number) => number;
  return mallopt(M_TRIM_THRESHOLD, TRIM_BYTES) === 1 && mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES) === 1;
}

/** Undefined without koffi, or with another C library. */
async function loadGlibc(platform: string): Promise<ReturnType<Koffi['load']> | undefined> {
  if (platform !== 'linux') return undefined;
  try {
    const libc = (await import('koffi')).load(null);
    libc.func('malloc_trim', 'int', ['uint64']);
    return libc;
  } catch {
    return undefined;
  }
}
