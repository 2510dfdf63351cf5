import type { MakeCommand } from '../identity/support.ts';
import type { Connection } from './connection.ts';
import { readAgent, text } from './entities.ts';
import { isJson } from './read-lists.ts';
import type { Json } from './read-lists.ts';
import type { AgentRow } from './shapes.ts';
import { clusterCommand, printJson } from './support.ts';
import { table } from './table.ts';
import { age, isoOfNanoseconds } from './times.ts';

const EXAMPLES = `  rimrock agents
  rimrock agents --json | jq -r '.agents[] | select(.state == "drained") | .host'
`;

/** `rimrock agents`: the machines, what they have and how they are. */
export const agentsCommand: MakeCommand = (world, done, quietly) =>
  clusterCommand<object>(
    world,
    done,
    quietly,
    'agents',
    'the machines of the cluster, what is used of them, and how they are',
    async (connection, _words, { json }) => {
      const agents = await agentRows(connection);
      if (json === true) return printJson(world, { agents });
      const head = ['HOST', 'STATE', 'SINCE', 'TASKS', 'CPUS', 'MEM', 'DISK', 'VERSION', 'ID', 'ATTRIBUTES'];
      const now = world.clock.now();
      world.out(table([head, ...agents.map((agent) => cells(agent, now))], world.outWidth));
    },
    { examples: EXAMPLES },
  );

function cells(agent: AgentRow, now: number): string[] {
  const share = (name: string, show: (n: number) => string): string => {
    const total = agent.total[name];
    return typeof total === 'number' ? `${show(Number(agent.used[name] ?? 0))}/${show(total)}` : '';
  };
  return [
    agent.host,
    agent.state,
    age(agent.since, now),
    String(agent.tasks),
    share('cpus', plain),
    share('mem', megabytes),
    share('disk', megabytes),
    agent.version,
    agent.id,
    Object.entries(agent.attributes)
      .map(([name, value]) => `${name}:${value}`)
      .join(';'),
  ];
}

export function plain(n: number): string {
  return String(Math.round(n * 100) / 100);
}

export function megabytes(n: number): string {
  return n < 1024 ? `${plain(n)}M` : `${plain(n / 1024)}G`;
}

async function agentRows(connection: Connection): Promise<AgentRow[]> {
  const agents: AgentRow[] = [];
  await connection.lists('/state-summary', { slaves: (json) => void agents.push(readAgent(json)) });
  const known = new Set(agents.map(({ id }) => id));
  for (const agent of await agentsOfRegistry(connection)) if (!known.has(agent.id)) agents.push(agent);
  return agents.sort((a, b) => (a.host === b.host ? (a.id < b.id ? -1 : 1) : a.host < b.host ? -1 : 1));
}

/** Those that are away stand in the registry alone. Whoever may not read it does without. */
async function agentsOfRegistry(connection: Connection): Promise<AgentRow[]> {
  const found: AgentRow[] = [];
  const away = (json: Json, state: AgentRow['state']): void => {
    const info = isJson(json['info']) ? json['info'] : json;
    const id = isJson(info['id']) ? text(info['id']['value']) : '';
    const since = isoOfNanoseconds(json['timestamp']);
    found.push({ ...EMPTY, id, host: text(info['hostname']), state, since });
  };
  try {
    await connection.lists('/registrar(1)/registry', {
      slaves: { slaves: (json) => away(json, 'awaited') },
      unreachable: { slaves: (json) => away(json, 'unreachable') },
    });
  } catch {
    connection.world.err('note: the registry cannot be read, so agents that are away are missing here\n');
  }
  return found;
}

const EMPTY: AgentRow = {
  id: '',
  host: '',
  address: '',
  state: 'awaited',
  since: null,
  version: '',
  attributes: {},
  total: {},
  used: {},
  tasks: 0,
};
