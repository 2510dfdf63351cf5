import { flushCompileCache, getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

/**
 * The environment for worker threads: the modules that this thread has compiled are ready for them. From source each thread
 * would otherwise load the compiler for TypeScript, which takes more memory than everything else it has.
 */
export function workerEnvironment(): NodeJS.Dict<string> {
  const folder = getCompileCacheDir();
  if (folder === undefined) return process.env;
  // Node keeps the modules of each version in a folder of its own within the one that was asked for.
  return { ...process.env, NODE_COMPILE_CACHE: dirname(folder) };
}

/** Compile what a worker will load, and write it down. Its entry does nothing on this thread. */
export async function compileForWorkers(entry: URL): Promise<void> {
  if (getCompileCacheDir() === undefined || !entry.pathname.endsWith('.ts')) return;
  await import(entry.href);
  flushCompileCache();
}
