import { Command } from 'commander';
import { sleep } from '../../../core/clock.ts';
import { RimrockError } from '../../../core/errors.ts';
import type { World } from '../../world.ts';
import type { MakeCommand } from '../identity/support.ts';
import type { Connection } from './connection.ts';
import { AGENT, agentOf, hostsOf, namesOfAgent } from './entities.ts';
import { operateErrors } from './errors.ts';
import { findOne } from './find.ts';
import type { AgentRow, OrderDone } from './shapes.ts';
import { clusterCommand, printJson } from './support.ts';
import { seconds } from './times.ts';

interface DrainOptions {
  readonly maxGrace?: number;
  readonly markGone?: boolean;
  readonly wait?: boolean;
  readonly timeout?: number;
  readonly json?: boolean;
}

type Place = Pick<AgentRow, 'id' | 'host'>;

const EVERY_MS = 1_000;

const EXAMPLES = `  rimrock agent drain rack1-a --max-grace 5m --wait
  rimrock agent reactivate rack1-a
`;

/** `rimrock agent drain|deactivate|reactivate`: what operators order of machines. */
export function orderCommands(...[world, done, quietly]: Parameters<MakeCommand>): Command[] {
  const order = (
    usage: string,
    summary: string,
    work: (connection: Connection, agent: Place, options: DrainOptions) => Promise<OrderDone>,
  ): Command =>
    clusterCommand<DrainOptions>(
      world,
      done,
      quietly,
      usage,
      summary,
      async (connection, [wanted = ''], options) => {
        const agents = await hostsOf(connection);
        const { id, host } = findOne(AGENT, wanted, agents, namesOfAgent);
        const result = await work(connection, { id, host }, options);
        if (options.json === true) printJson(world, result);
        else world.out(`${host} (${id}) is ${result.state}.\n`);
      },
      { examples: EXAMPLES },
    );
  const drain = order(
    'drain <agent>',
    'end the tasks of an agent, each with its grace, and offer nothing of it',
    (connection, agent, options) => drainOf(world, connection, agent, options),
  )
    .option('--max-grace <time>', 'no task gets more time to end than this: 90s, 5m, 1h', seconds)
    .option('--mark-gone', 'give the agent up when it is drained: it never comes back')
    .option('--wait', 'until it is drained')
    .option('--timeout <time>', 'with --wait: status 1 when it is not drained by then', seconds);
  return [
    drain,
    order('deactivate <agent>', 'offer nothing of an agent; its tasks go on', async (connection, agent) => {
      await give(connection, 'DEACTIVATE_AGENT', agent, {}, 'deactivate_agents');
      return { agent, state: await stateOf(connection, agent) };
    }),
    order(
      'reactivate <agent>',
      'offer an agent again that was drained or deactivated',
      async (connection, agent) => {
        await give(connection, 'REACTIVATE_AGENT', agent, {}, 'reactivate_agents');
        return { agent, state: await stateOf(connection, agent) };
      },
    ),
  ];
}

function give(
  connection: Connection,
  type: string,
  { id }: Place,
  more: Readonly<Record<string, unknown>>,
  action: string,
): Promise<void> {
  return connection.order(type, { agent_id: { value: id }, ...more }, { action, object: id });
}

/** `gone` where it is not registered any more. */
async function stateOf(connection: Connection, { id }: Place): Promise<string> {
  return (await agentOf(connection, id))?.state ?? 'gone';
}

async function drainOf(
  world: World,
  connection: Connection,
  agent: Place,
  { maxGrace, markGone = false, wait, timeout }: DrainOptions,
): Promise<OrderDone> {
  const grace = maxGrace === undefined ? {} : { max_grace_period: { seconds: maxGrace } };
  const more = { ...grace, mark_gone: markGone };
  await give(connection, 'DRAIN_AGENT', agent, more, 'drain_agents');
  const state = await stateOf(connection, agent);
  return { agent, state: wait === true ? await waitFor(world, connection, agent, markGone, timeout) : state };
}

/** Until it is drained, or gone where that was ordered. A master that changes meanwhile is waited for as well. */
async function waitFor(
  world: World,
  connection: Connection,
  agent: Place,
  markGone: boolean,
  timeout = Infinity,
): Promise<string> {
  const end = world.clock.monotonic() + timeout * 1000;
  let state = 'draining';
  for (let told = ''; ; await sleep(world.clock, EVERY_MS)) {
    try {
      state = await stateOf(connection, agent);
      if (state === 'gone' || (state === 'drained' && !markGone)) return state;
    } catch (error) {
      if (!(error instanceof RimrockError) || error.code !== 'CLI_NO_MASTER') throw error;
      if (told !== error.message) world.err(`note: ${error.message}; trying again\n`);
      told = error.message;
    }
    if (world.clock.monotonic() >= end)
      throw operateErrors.CLI_WAITED({ agent: agent.host, state, time: `${timeout} s` });
  }
}
