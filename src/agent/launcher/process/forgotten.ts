import { dirname } from 'node:path';
import { CONTAINER_VARIABLE } from '../launcher.ts';
import type { LaunchCheckpoint } from '../launcher.ts';
import { allProcesses, argumentsOf, bootId, environmentOf } from './proc.ts';
import { SUPERVISOR_NAME } from './supervisor.ts';

/** `/bin/sh -c SCRIPT NAME STATUS_FILE …`: where a supervisor's name and its file stand. */
const NAME_AT = 3;
const STATUS_AT = 4;

/** The containers whose runtime folder is `root` or below it, told by how their supervisors were started. */
export function containersBelow(root: string): LaunchCheckpoint[] {
  return allProcesses().flatMap((p) => {
    if (p.session !== p.pid) return [];
    const words = argumentsOf(p.pid);
    if (words[NAME_AT] !== SUPERVISOR_NAME) return [];
    const runtimeDir = dirname(words[STATUS_AT] ?? '');
    if (runtimeDir !== root && !runtimeDir.startsWith(`${root}/`)) return [];
    const containerId = environmentOf(p.pid, CONTAINER_VARIABLE) ?? '';
    if (containerId === '') return [];
    return [{ containerId, runtimeDir, pid: p.pid, startTime: p.startTime, bootId: bootId() }];
  });
}
