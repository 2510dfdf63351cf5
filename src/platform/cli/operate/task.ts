import { Command } from 'commander';
import { RimrockError } from '../../../core/errors.ts';
import type { MakeCommand } from '../identity/support.ts';
import { sandboxOf, statusesOf } from './agent-api.ts';
import { megabytes } from './agents.ts';
import type { Connection } from './connection.ts';
import { flat, text } from './entities.ts';
import { operateErrors } from './errors.ts';
import { findTask } from './find-task.ts';
import type { Found } from './find-task.ts';
import { marathonOf } from './marathon-api.ts';
import { isJson } from './read-lists.ts';
import type { Json } from './read-lists.ts';
import type { KillDone, TaskDetail } from './shapes.ts';
import { clusterCommand, printJson } from './support.ts';
import { sheet } from './table.ts';
import { healthWord } from './tasks.ts';

const KILL_EXAMPLES = `  rimrock task kill web.5e3f                 the app starts another in its place
  rimrock task kill web.5e3f --scale         and the app has one less from now on
`;
const FRAMEWORK_HELP = 'of this framework, where several have such a task';

/** `rimrock task show|kill`: one task. */
export const taskCommand: MakeCommand = (world, done, quietly) => {
  const task = new Command('task')
    .summary('look at one task, or kill it')
    .description('Look at one task, or kill it.')
    .helpOption('-h, --help', 'explain')
    .helpCommand(false);
  const show = clusterCommand<{ readonly framework?: string }>(
    world,
    done,
    quietly,
    'show <id>',
    'all that is known of a task: its id, or how it begins',
    async (connection, [id = ''], { json, framework }) => {
      const detail = await detailOf(connection, await findTask(connection, id, framework));
      if (json === true) printJson(world, detail);
      else world.out(sheet(linesOf(detail)));
    },
  ).option('--framework <framework>', FRAMEWORK_HELP);
  const kill = clusterCommand<KillOptions>(
    world,
    done,
    quietly,
    'kill <id>',
    'kill a task through the Marathon that runs it',
    async (connection, [id = ''], options) => {
      const killed = await killOf(connection, id, options);
      if (options.json === true) return printJson(world, killed);
      world.out(`${killed.task} is being killed${killed.app === null ? '' : `, of app ${killed.app}`}.\n`);
    },
    { examples: KILL_EXAMPLES },
  )
    .option('--framework <framework>', FRAMEWORK_HELP)
    .option('--scale', 'the app has one instance less from now on')
    .option('--marathon <url>', 'the API of Marathon; by default what the framework says');
  task.addCommand(show);
  task.addCommand(kill);
  return quietly(task, world);
};

async function detailOf(connection: Connection, found: Found): Promise<TaskDetail> {
  const { task, json, agent } = found;
  const sandbox = await sandboxOf(connection, found).catch(notKnown);
  const app = await marathonOf(connection, found)
    .then((marathon) => marathon.app)
    .catch(notKnown);
  const constraints = Array.isArray(app?.['constraints']) ? app['constraints'] : [];
  return {
    ...task,
    executor: text(json['executor_id']),
    user: text(json['user']) || null,
    resources: flat(json['resources']),
    labels: labelsOf(json['labels']),
    statuses: await statusesOf(connection, found),
    sandbox: sandbox ?? null,
    placement: {
      attributes: agent?.attributes ?? {},
      app: text(app?.['id']) || null,
      constraints: constraints.filter((c) => Array.isArray(c)).map((c: unknown[]) => c.map(String)),
    },
  };
}

/** What only adds to an answer may be missing. */
function notKnown(error: unknown): undefined {
  if (!(error instanceof RimrockError)) throw error;
  return undefined;
}

/** Flattened, as v0 has them; a key that is there twice keeps its last value. */
function labelsOf(value: unknown): Record<string, string> {
  const labels = Array.isArray(value) ? value.filter(isJson) : [];
  return Object.fromEntries(labels.map((label: Json) => [text(label['key']), text(label['value'])]));
}

function linesOf(task: TaskDetail): (readonly [string, string])[] {
  const { placement } = task;
  const pairs = (values: Readonly<Record<string, unknown>>, between: string): string =>
    Object.entries(values)
      .map(([name, value]) => `${name}${between}${String(value)}`)
      .join('\n');
  const resources = Object.entries(task.resources).map(([name, amount]) =>
    typeof amount === 'number' && (name === 'mem' || name === 'disk')
      ? `${name} ${megabytes(amount)}`
      : `${name} ${amount}`,
  );
  const statuses = task.statuses.map(({ time, state, healthy, reason, message }) =>
    [time ?? '', state, healthWord(healthy), reason ?? '', message ?? ''].filter((t) => t !== '').join('  '),
  );
  const lines: [string, string][] = [
    ['id', task.id],
    ['name', task.name],
    ['framework', `${task.framework.name} (${task.framework.id})`],
    [
      'state',
      [task.state, healthWord(task.healthy), task.since && `since ${task.since}`].filter(Boolean).join('  '),
    ],
    ['agent', `${task.agent.host} (${task.agent.id})`],
    ['ports', task.ports.join(', ')],
    ['role', task.role],
    ['user', task.user ?? ''],
    ['executor', task.executor],
    ['resources', resources.join(', ')],
    ['labels', pairs(task.labels, '=')],
    ['sandbox', task.sandbox ?? ''],
    ['app', placement.app ?? ''],
    ['it asks for', placement.constraints.map((c) => c.join(' ')).join('\n')],
    ['the agent has', pairs(placement.attributes, ':')],
    ['statuses', statuses.join('\n')],
  ];
  return lines.filter(([, value]) => value !== '');
}

interface KillOptions {
  readonly framework?: string;
  readonly scale?: boolean;
  readonly marathon?: string;
}

async function killOf(
  connection: Connection,
  id: string,
  { framework, scale, marathon }: KillOptions,
): Promise<KillDone> {
  const found = await findTask(connection, id, framework);
  const { base, app } = await marathonOf(connection, found, marathon);
  const path = `/v2/tasks/delete${scale === true ? '?scale=true' : ''}`;
  const body = JSON.stringify({ ids: [found.task.id] });
  const appId = text(app?.['id']);
  const deed = { action: 'marathon:update', object: appId };
  const who = `Marathon at ${base}`;
  const answer = await connection.read(
    await connection.ask(base, path, { method: 'POST', body }, who, deed),
    path,
  );
  if (Array.isArray(answer['tasks']) && answer['tasks'].length === 0)
    throw operateErrors.CLI_REFUSED({
      who,
      status: 200,
      text: 'it does not know this task, or not any more',
    });
  return { task: found.task.id, app: appId || null, marathon: base };
}
