import { MAY_ALL } from '../../core/access.ts';
import type { May } from '../../core/access.ts';
import type { FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import { rolesOf } from './model.ts';
import type { FrameworkEntry, MasterState, TaskEntry } from './model.ts';
import type { OperatorEvent } from './step.ts';

/** The user that a task runs as, which is what rules about tasks name (mesos-api.md §6.2). */
export function userOf(task: TaskInfo, framework: FrameworkInfo): string {
  return task.command?.user ?? task.executor?.command?.user ?? framework.user;
}

/** The same of a task that runs. */
function userWho(task: TaskEntry, framework: FrameworkInfo): string {
  return task.user ?? framework.user;
}

/** Why a framework may not subscribe with its roles; undefined: it may. */
export function rolesProblem(info: FrameworkInfo, may: May): string | undefined {
  const roles = rolesOf(info);
  if (roles.every((role) => may('register_frameworks', role))) return undefined;
  return `Not authorized to register framework ${info.id?.value ?? ''} with roles { ${roles.join(', ')} }`;
}

/** The state without what may not be viewed, for the views to show. Nothing is changed. */
export function seenBy(state: MasterState, asked: May): MasterState {
  if (asked === MAY_ALL) return state;
  const may = remembering(asked);
  const sees = ({ info }: FrameworkEntry, task: TaskEntry): boolean => may('view_tasks', userWho(task, info));
  const tasksOf = (
    framework: FrameworkEntry,
    tasks: ReadonlyMap<string, TaskEntry>,
  ): Map<string, TaskEntry> => new Map([...tasks].filter(([, task]) => sees(framework, task)));
  const seen = (frameworks: ReadonlyMap<string, FrameworkEntry>): Map<string, FrameworkEntry> =>
    new Map(
      [...frameworks]
        .filter(([, { info }]) => may('view_frameworks', info.user))
        .map(([id, framework]) => [
          id,
          {
            ...framework,
            tasks: tasksOf(framework, framework.tasks),
            unreachableTasks: tasksOf(framework, framework.unreachableTasks),
            executors: new Set(
              [...framework.executors].filter((executor) =>
                may('view_executors', executor.info.command?.user ?? framework.info.user),
              ),
            ),
            completedTasks: framework.completedTasks.filter((task) => sees(framework, task)),
          },
        ]),
    );
  return {
    ...state,
    frameworks: seen(state.frameworks),
    completedFrameworks: seen(state.completedFrameworks),
  };
}

/** Of thousands of tasks there are few users: each question is asked once. */
function remembering(may: May): May {
  const answers = new Map<string, boolean>();
  return (action, object) => {
    const question = `${action} ${object}`;
    let answer = answers.get(question);
    if (answer === undefined) answers.set(question, (answer = may(action, object)));
    return answer;
  };
}

/** Whether an operator may hear of a change. Of a framework that is not known any more nothing can be told who it belonged to. */
export function hears(state: MasterState, may: May, event: OperatorEvent): boolean {
  const id = frameworkIdOf(event);
  if (id === undefined || may === MAY_ALL) return true;
  const framework = state.frameworks.get(id) ?? state.completedFrameworks.get(id);
  if (framework === undefined || !may('view_frameworks', framework.info.user)) return false;
  if (!event.type.startsWith('TASK_')) return true;
  const task = taskIdOf(event);
  const entry = framework.tasks.get(task) ?? framework.unreachableTasks.get(task);
  const known = entry ?? framework.completedTasks.find((one) => one.id === task);
  return known !== undefined && may('view_tasks', userWho(known, framework.info));
}

interface Told {
  readonly framework_id?: { readonly value: string };
  readonly task?: {
    readonly framework_id: { readonly value: string };
    readonly task_id: { readonly value: string };
  };
  readonly status?: { readonly task_id: { readonly value: string } };
  readonly framework?: { readonly framework_info: FrameworkInfo };
  readonly framework_info?: FrameworkInfo;
}

const payloadOf = (event: OperatorEvent): Told => event[event.type.toLowerCase()] as Told;

function frameworkIdOf(event: OperatorEvent): string | undefined {
  const { framework_id, task, framework, framework_info } = payloadOf(event);
  const info = framework?.framework_info ?? framework_info;
  return (framework_id ?? task?.framework_id ?? info?.id)?.value;
}

function taskIdOf(event: OperatorEvent): string {
  const { task, status } = payloadOf(event);
  return (task?.task_id ?? status?.task_id)?.value ?? '';
}
