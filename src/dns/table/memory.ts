/** Less than this is no table. */
const MIN_MIB = 16;

/**
 * Memory for a table of at most `maxMiB`. Only pages that are touched cost anything, but a machine may refuse to promise
 * that much: then half of it, and so on.
 */
export function reserve(maxMiB: number): SharedArrayBuffer {
  for (let mib = maxMiB; ; mib = Math.floor(mib / 2)) {
    try {
      return new SharedArrayBuffer(mib * 1024 * 1024);
    } catch (error) {
      if (mib / 2 < MIN_MIB) throw error;
    }
  }
}
