import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Blocks as stat(2) counts them. */
const BLOCK = 512;

/**
 * The bytes of the disk that a folder takes: links are not followed, other file systems are not entered, and what has several names counts once.
 * Looks at no more than `maxEntries` entries; there are more, perhaps, and the bytes are then those that were seen. Rejects with the reason of
 * `signal` when that aborts; what vanishes meanwhile is not counted.
 */
export async function diskUsage(folder: string, maxEntries: number, signal: AbortSignal): Promise<number> {
  const root = await lstat(folder);
  const seen = new Set<string>();
  const waiting = [folder];
  let bytes = root.blocks * BLOCK;
  let entries = 0;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for await (const name of namesIn(at)) {
      signal.throwIfAborted();
      if (++entries > maxEntries) return bytes;
      const path = join(at, name);
      const stats = await lstat(path).catch(() => undefined);
      if (stats === undefined || stats.dev !== root.dev) continue;
      if (stats.isDirectory()) waiting.push(path);
      else if (stats.nlink > 1) {
        const key = String(stats.ino);
        if (seen.has(key)) continue;
        seen.add(key);
      }
      bytes += stats.blocks * BLOCK;
    }
  }
  return bytes;
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder)) yield name;
  } catch {
    // it is gone, or something else by now
  }
}
