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

  get drainFile(): string {
    return join(this.meta, 'drain.json');
  }

  get metaAgents(): string {
    return join(this.meta, 'slaves');
  }

  metaRun(place: RunPlace, nested?: string): string {
    return join(this.metaAgents, ...runPath(place), ...nestedPath(nested));
  }

  journal(place: RunPlace): string {
    return join(this.metaRun(place), 'journal.jsonl');
  }

  /** What is kept of a run that is over. */
  past(place: RunPlace): string {
    return join(this.metaRun(place), 'past.json');
  }

  get sandboxes(): string {
    return join(this.workDir, 'slaves');
  }

  sandbox(place: RunPlace, nested?: string): string {
    return join(this.sandboxes, ...runPath(place), ...nestedPath(nested));
  }
}

/** Where containers inside of a container lie in its sandbox. */
export const NESTED_FOLDER = 'containers';

/** Of a sandbox: secrets that its task gets as files. No API shows them. */
export const SECRETS_FOLDER = '.rimrock-secrets';

const nestedPath = (containerId?: string): string[] =>
  containerId === undefined ? [] : [NESTED_FOLDER, containerId];

/** Where a run lies below the folder of sandboxes or of checkpoints, as in Mesos (mesos-api.md §4.4). */
export function runPath(place: RunPlace): string[] {
  return [
    place.agentId,
    'frameworks',
    place.frameworkId,
    'executors',
    place.executorId,
    'runs',
    place.containerId,
  ];
}
