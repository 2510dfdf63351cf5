import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Layout } from './layout.ts';
import type { PastRun, RunPlace } from './records.ts';
import { CHECKPOINT_VERSION } from './records.ts';
import { removeRun, runPlaces } from './run-folders.ts';

/**
 * Keep this of a run, and nothing else. From the moment on when the file has its name the journal counts no more; it is not flushed to disk,
 * since what a crash of the machine takes with it is a memory only.
 */
export async function writePast(layout: Layout, past: PastRun): Promise<void> {
  const folder = layout.metaRun(past.place);
  const path = layout.past(past.place);
  await mkdir(folder, { recursive: true, mode: 0o750 });
  await writeFile(`${path}.new`, JSON.stringify(past), { mode: 0o640 });
  await rename(`${path}.new`, path);
  await keepOnly(folder, basename(path));
}

/** Whether a run is over and only remembered. */
export async function isPast(layout: Layout, place: RunPlace): Promise<boolean> {
  return access(layout.past(place)).then(
    () => true,
    () => false,
  );
}

/** Every run that is remembered, in the order in which they ended. What cannot be read is removed. */
export async function readPast(layout: Layout, log: Logger): Promise<PastRun[]> {
  const all: PastRun[] = [];
  for (const place of await runPlaces(layout)) {
    const path = layout.past(place);
    try {
      const past = JSON.parse(await readFile(path, 'utf8')) as PastRun;
      if (past.version > CHECKPOINT_VERSION) continue;
      await keepOnly(layout.metaRun(place), basename(path)); // a crash came in between
      all.push({ ...past, place });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      log.warn(
        { path, error: errorText(error) },
        'what is kept of an ended executor cannot be read; removed',
      );
      await removeRun(layout.metaRun(place), layout.metaAgents);
    }
  }
  return all.sort((a, b) => a.endedMs - b.endedMs);
}

async function keepOnly(folder: string, name: string): Promise<void> {
  for (const other of await readdir(folder))
    if (other !== name) await rm(join(folder, other), { recursive: true, force: true });
}
