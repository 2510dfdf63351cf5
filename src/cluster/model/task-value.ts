import { SHOWN } from './equal.ts';
import { sharedText } from './share.ts';
import type { ModelTask } from './types.ts';
import { taskKey } from './types.ts';

/** What a task is made of. */
export type TaskFields = Omit<ModelTask, 'key'>;

const FIELDS: readonly (keyof ModelTask)[] = [
  'key',
  'id',
  'name',
  'frameworkId',
  'agentId',
  'state',
  'ports',
  'discovery',
  'labels',
  'startedAtMs',
  'hasHealthCheck',
  'running',
];

/** A task of the model. The id is the end of the key: there may be 100,000, and the text is not kept twice. */
class Task implements ModelTask {
  readonly key: string;
  readonly name: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly state: ModelTask['state'];
  readonly ports: ModelTask['ports'];
  readonly discovery: ModelTask['discovery'];
  readonly labels: ModelTask['labels'];
  /** What `startedAtMs` is beyond the time of `running`: mostly 0, which takes no memory of its own. */
  readonly #started: number;
  readonly hasHealthCheck: boolean;
  readonly running: ModelTask['running'];

  constructor(key: string, fields: Omit<TaskFields, 'id'>) {
    this.key = key;
    this.name = fields.name;
    this.frameworkId = fields.frameworkId;
    this.agentId = fields.agentId;
    this.state = fields.state;
    this.ports = fields.ports;
    this.discovery = fields.discovery;
    this.labels = fields.labels;
    this.#started = fields.startedAtMs - (fields.running?.timestampMs ?? 0);
    this.hasHealthCheck = fields.hasHealthCheck;
    this.running = fields.running;
  }

  get [SHOWN](): readonly string[] {
    return FIELDS;
  }
  get startedAtMs(): number {
    return this.#started + (this.running?.timestampMs ?? 0);
  }
  get id(): string {
    return this.key.slice(this.frameworkId.length + 1);
  }
}

export function makeTask(fields: TaskFields): ModelTask {
  const { frameworkId, id } = fields;
  const shared = { frameworkId: sharedText(frameworkId), agentId: sharedText(fields.agentId) };
  return new Task(taskKey(frameworkId, id), { ...fields, ...shared });
}

/** `task` with some things different; it stays the same task. */
export function taskWith(
  task: ModelTask,
  other: Partial<Pick<ModelTask, 'state' | 'running' | 'startedAtMs'>>,
): ModelTask {
  return new Task(task.key, {
    name: task.name,
    frameworkId: task.frameworkId,
    agentId: task.agentId,
    state: task.state,
    ports: task.ports,
    discovery: task.discovery,
    labels: task.labels,
    startedAtMs: task.startedAtMs,
    hasHealthCheck: task.hasHealthCheck,
    running: task.running,
    ...other,
  });
}
