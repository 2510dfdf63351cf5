import { InvalidArgumentError } from 'commander';
import { TASK_STATES } from '../../../mesos/index.ts';
import type { MakeCommand } from '../identity/support.ts';
import type { Connection } from './connection.ts';
import { AGENT, FRAMEWORK, frameworksOf, hostsOf, isOver, namesOfAgent, readTask } from './entities.ts';
import { findOne } from './find.ts';
import type { TaskRow } from './shapes.ts';
import { clusterCommand, printJson } from './support.ts';
import { table } from './table.ts';
import { age } from './times.ts';

export interface TaskFilter {
  readonly framework?: string;
  readonly agent?: string;
  readonly state?: string;
  readonly name?: string;
  readonly all?: boolean;
}

const EXAMPLES = `  rimrock tasks --framework marathon --agent rack1-a
  rimrock tasks --state failed --name 'web*'
`;

/** `rimrock tasks`: what runs. */
export const tasksCommand: MakeCommand = (world, done, quietly) =>
  clusterCommand<TaskFilter>(
    world,
    done,
    quietly,
    'tasks',
    'what runs, and where',
    async (connection, _words, options) => {
      const tasks = await taskRows(connection, options);
      if (options.json === true) return printJson(world, { tasks });
      const head = ['ID', 'STATE', 'HEALTH', 'AGENT', 'PORTS', 'SINCE', 'FRAMEWORK'];
      const now = world.clock.now();
      world.out(table([head, ...tasks.map((task) => cells(task, now))], world.outWidth));
    },
    { examples: EXAMPLES },
  )
    .option('--framework <framework>', 'only of this framework: its id or name, or how they begin')
    .option('--agent <agent>', 'only on this agent: its host or id, or how they begin')
    .option('--state <state>', 'only in this state: running, failed, …', taskState)
    .option('--name <name>', 'only of this name; * stands for anything')
    .option('--all', 'also those that are over, as long as the master remembers them');

function cells(task: TaskRow, now: number): string[] {
  return [
    task.id,
    task.state.replace('TASK_', '').toLowerCase(),
    healthWord(task.healthy),
    task.agent.host || task.agent.id,
    task.ports.join(','),
    age(task.since, now),
    task.framework.name || task.framework.id,
  ];
}

export function healthWord(healthy: boolean | null): string {
  if (healthy === null) return '';
  return healthy ? 'healthy' : 'unhealthy';
}

/** `running`, `TASK_RUNNING`; else wrong usage. */
function taskState(given: string): string {
  const name = `TASK_${given.toUpperCase().replace(/^TASK_/, '')}`;
  if ((TASK_STATES as readonly string[]).includes(name)) return name;
  const states = TASK_STATES.map((state) => state.replace('TASK_', '').toLowerCase());
  throw new InvalidArgumentError(`Write one of ${states.join(', ')}.`);
}

/** All that the filter lets through, in the order of their ids. */
async function taskRows(connection: Connection, filter: TaskFilter): Promise<TaskRow[]> {
  const hosts = await hostsOf(connection);
  const frameworks = await frameworksOf(connection);
  const hostOf = new Map(hosts.map(({ id, host }) => [id, host]));
  const nameOf = new Map(frameworks.map(({ id, name }) => [id, name]));
  const agentId = filter.agent && findOne(AGENT, filter.agent, hosts, namesOfAgent).id;
  const frameworkId =
    filter.framework && findOne(FRAMEWORK, filter.framework, frameworks, (f) => [f.id, f.name]).id;
  const named = filter.name === undefined ? undefined : globOf(filter.name);
  const found: TaskRow[] = [];
  await eachTask(connection, { framework_id: frameworkId }, (task) => {
    if (frameworkId !== undefined && task.framework.id !== frameworkId) return;
    if (agentId !== undefined && task.agent.id !== agentId) return;
    if (named && !named.test(task.name)) return;
    if (filter.state !== undefined ? task.state !== filter.state : filter.all !== true && isOver(task.state))
      return;
    found.push({
      ...task,
      framework: { id: task.framework.id, name: nameOf.get(task.framework.id) ?? '' },
      agent: { id: task.agent.id, host: hostOf.get(task.agent.id) ?? '' },
    });
  });
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** More than a master has: without a limit it tells a hundred. */
const NO_LIMIT = String(2 ** 31 - 1);

/** All tasks of `/tasks`, also those that are over. */
export async function eachTask(
  connection: Connection,
  filter: Readonly<Record<string, string | undefined>>,
  take: (task: TaskRow, json: Readonly<Record<string, unknown>>) => void,
): Promise<void> {
  const query = new URLSearchParams({ limit: NO_LIMIT });
  for (const [name, value] of Object.entries(filter)) if (value !== undefined) query.set(name, value);
  await connection.lists(`/tasks?${query.toString()}`, { tasks: (json) => take(readTask(json), json) });
}

function globOf(pattern: string): RegExp {
  const escaped = pattern.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`);
}
