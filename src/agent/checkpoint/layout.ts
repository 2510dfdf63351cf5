import { join, resolve } from 'node:path';
import type { RunPlace } from './records.ts';

/** Paths below the work folder, as Mesos lays them out (mesos-api.md §4.4). Ids are valid file names (idProblem). */
export class Layout {
  readonly workDir: string;

  constructor(workDir: string) {
    this.workDir = resolve(workDir);
  }

  get meta(): string {
    return join(this.workDir, 'meta');
  }

  get agentFile(): string {
    return join(this.meta, 'agent.json');
  }

  get metaAgents(): string {
    return join(this.meta, 'slaves');
  }

  metaRun(place: RunPlace): string {
    return join(this.metaAgents, ...runPath(place));
  }

  journal(place: RunPlace): string {
    return join(this.metaRun(place), 'journal.jsonl');
  }

  get sandboxes(): string {
    return join(this.workDir, 'slaves');
  }

  sandbox(place: RunPlace): string {
    return join(this.sandboxes, ...runPath(place));
  }
}

/** Where a run lies below the folder of sandboxes or of checkpoints, as in Mesos (mesos-api.md §4.4). */
export function runPath(place: RunPlace): string[] {
  return [
    place.agentId,
    'frameworks',
    place.frameworkId,
    'executors',
    place.taskId,
    'runs',
    place.containerId,
  ];
}
