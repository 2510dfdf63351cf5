/** Task states of Mesos (mesos.proto TaskState), as they are written in JSON. */
export const TASK_STATES = [
  'TASK_STAGING',
  'TASK_STARTING',
  'TASK_RUNNING',
  'TASK_KILLING',
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_UNREACHABLE',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
  'TASK_UNKNOWN',
] as const;

export type TaskState = (typeof TASK_STATES)[number];

const TERMINAL: ReadonlySet<TaskState> = new Set([
  'TASK_FINISHED',
  'TASK_FAILED',
  'TASK_KILLED',
  'TASK_ERROR',
  'TASK_LOST',
  'TASK_DROPPED',
  'TASK_GONE',
  'TASK_GONE_BY_OPERATOR',
]);

const KNOWN: ReadonlyMap<unknown, TaskState> = new Map(TASK_STATES.map((s) => [s, s]));

export function isTaskState(text: unknown): text is TaskState {
  return KNOWN.has(text);
}

/** The state that `text` names: always the same string, so that what keeps many of them keeps one. */
export function asTaskState(text: unknown): TaskState | undefined {
  return KNOWN.get(text);
}

/** Terminal states never change again. TASK_UNREACHABLE is not terminal: the task may come back. */
export function isTerminal(state: TaskState): boolean {
  return TERMINAL.has(state);
}

/** States in which the task no longer holds resources at the master: the terminal ones and TASK_UNREACHABLE. */
export function holdsResources(state: TaskState): boolean {
  return !TERMINAL.has(state) && state !== 'TASK_UNREACHABLE';
}

/**
 * The state after an update. Terminal states are final whatever arrives later (duplicates, reordering); every other
 * change is taken as reported, since an agent that comes back may truthfully say RUNNING after UNREACHABLE.
 */
export function nextTaskState(current: TaskState, reported: TaskState): TaskState {
  return isTerminal(current) ? current : reported;
}
