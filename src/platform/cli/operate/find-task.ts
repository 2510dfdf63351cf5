import type { Connection } from './connection.ts';
import { agentOf, FRAMEWORK, frameworksOf, isOver, TASK } from './entities.ts';
import { findOne, isMeant } from './find.ts';
import type { Json } from './read-lists.ts';
import type { AgentRow, FrameworkRow, TaskRow } from './shapes.ts';
import { eachTask } from './tasks.ts';

/** What was found of a task. */
export interface Found {
  readonly task: TaskRow;
  /** As `/tasks` has it. */
  readonly json: Json;
  /** Undefined where it is not registered now. */
  readonly agent: AgentRow | undefined;
  /** Undefined where it is over. */
  readonly framework: FrameworkRow | undefined;
}

interface Match {
  readonly task: TaskRow;
  readonly json: Json;
}

/** More than are named where several are meant. */
const KEPT = 10;

/** The task that is meant by an id or by how one begins; one that lives goes before those that are over. Throws a RimrockError. */
export async function findTask(
  connection: Connection,
  wanted: string,
  frameworkWanted?: string,
): Promise<Found> {
  const frameworks = await frameworksOf(connection);
  const frameworkId =
    frameworkWanted && findOne(FRAMEWORK, frameworkWanted, frameworks, (f) => [f.id, f.name]).id;
  const filter = { framework_id: frameworkId };
  // With the whole id the master has to tell of one task only.
  let matches = await matching(connection, { ...filter, task_id: wanted }, (id) => id === wanted);
  if (matches.length === 0) matches = await matching(connection, filter, (id) => isMeant(id, wanted));
  const { task, json } = findOne(TASK, wanted, matches, (match) => [match.task.id]);
  const framework = frameworks.find(({ id }) => id === task.framework.id);
  const agent = await agentOf(connection, task.agent.id);
  return {
    task: {
      ...task,
      framework: { id: task.framework.id, name: framework?.name ?? '' },
      agent: { id: task.agent.id, host: agent?.host ?? '' },
    },
    json,
    agent,
    framework,
  };
}

/** Those that live; where there are none, those that are over, of each id the latest. */
async function matching(
  connection: Connection,
  filter: Readonly<Record<string, string | undefined>>,
  wanted: (id: string) => boolean,
): Promise<Match[]> {
  const live: Match[] = [];
  const over = new Map<string, Match>();
  await eachTask(connection, filter, (task, json) => {
    if (!wanted(task.id)) return;
    if (!isOver(task.state)) {
      if (live.length < KEPT) live.push({ task, json });
      return;
    }
    const key = `${task.framework.id} ${task.id}`;
    const before = over.get(key);
    const isLater = before !== undefined && (task.since ?? '') > (before.task.since ?? '');
    if (isLater || (before === undefined && over.size < KEPT)) over.set(key, { task, json });
  });
  return live.length > 0 ? live : [...over.values()];
}
