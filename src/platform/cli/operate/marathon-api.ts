import { RimrockError } from '../../../core/errors.ts';
import { redirectOrigin } from '../../../mesos/index.ts';
import { BRIEFLY_MS } from './connection.ts';
import type { Connection } from './connection.ts';
import { text } from './entities.ts';
import { operateErrors } from './errors.ts';
import type { Found } from './find-task.ts';
import { isJson } from './read-lists.ts';
import type { Json } from './read-lists.ts';

/** The API of the Marathon that a task belongs to. */
export interface MarathonApi {
  /** Without a slash at the end. */
  readonly base: string;
  /** The app of which the task is an instance, as far as that is known. */
  readonly app: Json | undefined;
}

/** Asks the address that the framework gives (or `given`) whether it is the Marathon of this framework. Throws CLI_NOT_MARATHON. */
export async function marathonOf(
  connection: Connection,
  { task, framework }: Found,
  given?: string,
): Promise<MarathonApi> {
  const name = `${task.framework.name || 'that is over'} (${task.framework.id})`;
  const notOne = (why: string): Error =>
    operateErrors.CLI_NOT_MARATHON({ task: task.id, framework: name, why });
  const address = given ?? framework?.webUi ?? '';
  if (!URL.canParse(address) || !/^https?:/.test(address))
    throw notOne(address === '' ? '' : `: ${address} is no URL`);
  let base = address.replace(/[/?#]*$/, '');
  let info: Json | undefined;
  try {
    const asked = { method: 'GET', timeoutMs: BRIEFLY_MS } as const;
    let response = await connection.raw(base, '/v2/info', asked);
    const leader = response.status === 307 ? redirectOrigin(response.headers['location'], base) : undefined;
    if (leader !== undefined) {
      response.cancel();
      base = leader;
      response = await connection.raw(base, '/v2/info', asked);
    }
    if (response.status === 401)
      throw operateErrors.CLI_LOGIN_NEEDED({ who: base, login: 'takes no login of ours' });
    info = response.status === 200 ? await connection.read(response, '/v2/info') : undefined;
  } catch (error) {
    if (error instanceof RimrockError && error.code === 'CLI_LOGIN_NEEDED') throw error;
    throw notOne(`: ${base} does not answer as one`);
  }
  if (text(info?.['frameworkId']) !== task.framework.id) throw notOne(`: at ${base} there is another`);
  return { base, app: await appOf(connection, base, task) };
}

/** The name of a task says which app it is of; whether that is so, the app says. */
async function appOf(
  connection: Connection,
  base: string,
  { id, name }: Found['task'],
): Promise<Json | undefined> {
  const path = name.split('.').reverse().map(encodeURIComponent).join('/');
  const url = `/v2/apps/${path}?embed=app.tasks`;
  const response = await connection.raw(base, url, { method: 'GET', timeoutMs: BRIEFLY_MS });
  if (response.status !== 200) {
    await response.text();
    return undefined;
  }
  const { app } = await connection.read(response, url);
  const tasks = isJson(app) && Array.isArray(app['tasks']) ? app['tasks'] : [];
  return tasks.some((task) => isJson(task) && task['id'] === id) ? (app as Json) : undefined;
}
