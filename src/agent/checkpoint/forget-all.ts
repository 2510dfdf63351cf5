import type { Checkpoints, RecoveredRun } from './records.ts';

/** Without an id no master takes what the runs tell: they belong to an agent that is over, and end with it. */
export async function forgetAll(checkpoints: Checkpoints): Promise<readonly RecoveredRun[]> {
  for (const { place, journal } of await checkpoints.recover()) {
    await journal.close();
    await checkpoints.remove(place);
  }
  for (const { place } of await checkpoints.completed()) await checkpoints.remove(place);
  return [];
}
