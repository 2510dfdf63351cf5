import { LongList, longList } from '../../core/json/long-list.ts';
import { sortedInSlices } from '../../core/merge-sort.ts';
import type { Work } from '../../core/slices.ts';
import type { FrameworkEntry, MasterState } from '../state/model.ts';
import { agentNow, pictured, TaskPicture } from './pictures.ts';
import { agentFullV0, agentInfoV0, agentV0, executorV0, frameworkV0, offerV0, taskV0 } from './v0.ts';

/** What the v0 endpoints say of the whole cluster: as `lists-v1.ts`. */
type Json = Readonly<Record<string, unknown>>;

/** The lists of /state. */
export function clusterV0(state: MasterState): Json {
  const picture = (framework: FrameworkEntry): (() => Json) => pictureOf(state, framework);
  return {
    slaves: longList(Array.from(state.agents.values(), agentNow), agentV0),
    recovered_slaves: longList([...state.recoveredAgents.values()], agentInfoV0),
    frameworks: pictured(state.frameworks.values(), picture),
    completed_frameworks: pictured(state.completedFrameworks.values(), picture),
  };
}

/** /slaves. */
export function slavesV0({ agents, recoveredAgents }: MasterState, id: string | undefined): Json {
  const wanted = [...agents.values()].filter((a) => id === undefined || a.id === id);
  const recovered = [...recoveredAgents.values()].filter((a) => id === undefined || a.id?.value === id);
  return {
    slaves: longList(wanted.map(agentNow), agentFullV0),
    recovered_slaves: longList(recovered, agentInfoV0),
  };
}

/** /frameworks. */
export function frameworksV0(state: MasterState, id: string | undefined): Json {
  const wanted = (frameworks: ReadonlyMap<string, FrameworkEntry>): LongList =>
    pictured(
      [...frameworks.values()].filter((f) => id === undefined || f.id === id),
      (f) => pictureOf(state, f),
    );
  return {
    frameworks: wanted(state.frameworks),
    completed_frameworks: wanted(state.completedFrameworks),
    unregistered_frameworks: [],
  };
}

function pictureOf(state: MasterState, framework: FrameworkEntry): () => Json {
  const now = { ...framework };
  const lists = {
    tasks: taskListV0([framework.tasks]),
    unreachable_tasks: taskListV0([framework.unreachableTasks]),
    completed_tasks: taskListV0([framework.completedTasks]),
    offers: longList(
      [...framework.offers].flatMap((id) => state.offers.get(id) ?? []),
      offerV0,
    ),
    executors: longList([...framework.executors], executorV0),
  };
  return () => frameworkV0(now, lists);
}

function taskListV0(lists: ConstructorParameters<typeof TaskPicture>[0]): LongList {
  const picture = new TaskPicture(lists);
  return new LongList({
    length: picture.length,
    at: (i) => taskV0(picture.document(i), picture.task(i).role),
  });
}

/** Tasks of all frameworks, live and completed, in all their lists. */
function allTasks(state: MasterState, frameworkId?: string): TaskPicture {
  const frameworks = [...state.frameworks.values(), ...state.completedFrameworks.values()];
  return new TaskPicture(
    frameworks
      .filter((f) => frameworkId === undefined || f.id === frameworkId)
      .flatMap((f) => [f.tasks, f.unreachableTasks, f.completedTasks]),
  );
}

/** Which tasks /tasks is to tell of, and how many of them. */
export interface TasksWanted {
  readonly frameworkId: string | undefined;
  readonly taskId: string | undefined;
  readonly offset: number;
  readonly limit: number;
  readonly ascending: boolean;
}

/** /tasks: sorted by the time of the first status. */
export function tasksV0(state: MasterState, wanted: TasksWanted): Work<Json> {
  return sortedTasks(allTasks(state, wanted.frameworkId), wanted);
}

function* sortedTasks(tasks: TaskPicture, { taskId, offset, limit, ascending }: TasksWanted): Work<Json> {
  const found: { readonly i: number; readonly time: number }[] = [];
  for (let i = 0; i < tasks.length; i++) {
    if (i % LOOKS_IN_A_ROW === 0) yield;
    if (taskId !== undefined && tasks.task(i).id !== taskId) continue;
    found.push({ i, time: tasks.since(i) });
  }
  const sign = ascending ? 1 : -1;
  const sorted = yield* sortedInSlices(found, (a, b) => sign * (a.time - b.time));
  const shown = sorted.slice(offset, offset + limit);
  return { tasks: longList(shown, ({ i }) => taskV0(tasks.document(i), tasks.task(i).role)) };
}

const LOOKS_IN_A_ROW = 64;
