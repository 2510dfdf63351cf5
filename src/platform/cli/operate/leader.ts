import { errorText } from '../../../core/errors.ts';
import { redirectOrigin } from '../../../mesos/index.ts';
import type { MakeCommand } from '../identity/support.ts';
import { callOf } from './connection.ts';
import type { Connection } from './connection.ts';
import { text } from './entities.ts';
import { operateErrors } from './errors.ts';
import { isJson } from './read-lists.ts';
import type { Json } from './read-lists.ts';
import type { MasterRow } from './shapes.ts';
import { clusterCommand, printJson } from './support.ts';
import { table } from './table.ts';
import { age, isoOfSeconds } from './times.ts';

const TIMEOUT_MS = 10_000;

const EXAMPLES = `  rimrock leader --master m1:5050,m2:5050,m3:5050
Of the others it says how those are that are named, or that ZooKeeper names.
`;

/** `rimrock leader`: which master leads. Status 1 where none does. */
export const leaderCommand: MakeCommand = (world, done, quietly) =>
  clusterCommand<object>(
    world,
    done,
    quietly,
    'leader',
    'which master leads, and which stand by',
    async (connection, _words, { json }) => {
      const masters = await masterRows(connection);
      if (json === true) printJson(world, { masters });
      else {
        const head = ['MASTER', 'ROLE', 'SINCE', 'VERSION', 'ID', ''];
        const now = world.clock.now();
        const row = (m: MasterRow): string[] => [
          m.url,
          m.role,
          age(m.since, now),
          m.version ?? '',
          m.id ?? '',
          m.problem ?? '',
        ];
        world.out(table([head, ...masters.map(row)], world.outWidth));
      }
      if (masters.some(({ role }) => role === 'leads')) return;
      const problems = masters.map(({ url, problem }) => `${url}: ${problem ?? 'nobody leads'}`).join('; ');
      throw operateErrors.CLI_NO_MASTER({ problems });
    },
    { examples: EXAMPLES },
  );

/** Those that are named, and the leader where it is none of them. */
async function masterRows(connection: Connection): Promise<MasterRow[]> {
  const rows = new Map<string, MasterRow>();
  const leaders = new Set<string>();
  const look = async (url: string): Promise<void> => {
    const { leader, ...row } = await lookAt(connection, url);
    rows.set(url, row);
    if (leader !== undefined) leaders.add(leader);
  };
  await Promise.all(connection.origins.map(look));
  const shown = [...rows.values()].some(({ role }) => role === 'leads');
  if (!shown) for (const leader of leaders) if (!rows.has(leader)) await look(leader);
  return [...rows.values()].sort((a, b) => (a.role < b.role ? -1 : a.role > b.role ? 1 : 0));
}

async function lookAt(
  connection: Connection,
  url: string,
): Promise<MasterRow & { readonly leader?: string | undefined }> {
  const none = { url, id: null, version: null, since: null, problem: null };
  try {
    const asked = { ...callOf('GET_MASTER'), timeoutMs: TIMEOUT_MS };
    const response = await connection.raw(url, '/api/v1', asked);
    if (response.status === 200) {
      const { get_master: said } = await connection.read(response, 'GET_MASTER');
      return { ...none, role: 'leads', ...factsOf(isJson(said) ? said : {}) };
    }
    const body = (await response.text()).trim();
    const version = await versionOf(connection, url);
    if (response.status === 307) {
      const leader = redirectOrigin(response.headers['location'], url);
      return { ...none, role: 'stands by', version, leader };
    }
    const problem = body === '' ? String(response.status) : body;
    return { ...none, role: response.status === 503 ? 'stands by' : 'does not answer', version, problem };
  } catch (error) {
    return { ...none, role: 'does not answer', problem: errorText(error) };
  }
}

function factsOf(said: Json): Pick<MasterRow, 'id' | 'version' | 'since'> {
  const info = isJson(said['master_info']) ? said['master_info'] : {};
  return {
    id: text(info['id']) || null,
    version: text(info['version']) || null,
    since: isoOfSeconds(said['elected_time']),
  };
}

async function versionOf(connection: Connection, url: string): Promise<string | null> {
  const response = await connection.raw(url, '/version', { method: 'GET', timeoutMs: TIMEOUT_MS });
  if (response.status !== 200) {
    response.cancel();
    return null;
  }
  return text((await connection.read(response, '/version'))['version']) || null;
}
