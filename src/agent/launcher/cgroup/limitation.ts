import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '../../../core/errors.ts';
import type { LaunchCheckpoint, Limitation } from '../launcher.ts';
import type { Groups } from './groups.ts';

const MB = 1024 * 1024;
/** In the runtime folder of a container; there before its group is removed. */
const FILE = 'limitation.json';

/** Whether a container went over its memory limit, in the words of Mesos. */
export function limitationOf(groups: Groups, name: string): Limitation | undefined {
  if (groups.oomKills(name) === 0) return undefined;
  const { limitBytes, peakBytes } = groups.memory(name);
  return memoryLimitation(limitBytes, peakBytes);
}

/** It went over `limitBytes` (undefined: not known) when it used `peakBytes`. */
export function memoryLimitation(limitBytes: number | undefined, peakBytes: number): Limitation {
  const requested = limitBytes === undefined ? '' : `Requested: ${inMb(limitBytes)} `;
  return {
    reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
    message: `Memory limit exceeded: ${requested}Maximum Used: ${inMb(peakBytes)}`,
    resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: peakBytes / MB } }],
  };
}

function inMb(bytes: number): string {
  return `${Math.round((bytes / MB) * 10) / 10}MB`;
}

/**
 * The limitation of a container that is over. It is written down, since its group is removed before the agent has
 * told anyone.
 */
export function keepLimitation(
  groups: Groups | undefined,
  { containerId, runtimeDir }: LaunchCheckpoint,
): Limitation | undefined {
  const file = join(runtimeDir, FILE);
  const now = groups && limitationOf(groups, containerId);
  if (!now) return readKept(file);
  try {
    writeFileSync(file, JSON.stringify(now));
  } catch (error) {
    // what is not on disk is told all the same, unless the agent dies at this very moment
    process.emitWarning(`a limitation was not written down: ${errorText(error)}`);
  }
  return now;
}

function readKept(file: string): Limitation | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Limitation;
  } catch {
    return undefined;
  }
}
