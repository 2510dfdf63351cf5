import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { JsonScheduler } from '../support/json-scheduler.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { root } from '../support/root.ts';

// Tasks of two users, of a group and of an executor, on a real agent: who gets which identity, and who does not.

const ID = 'spiffe://rimrock.local/framework/by-hand/task/';
const [UNAVAILABLE, PERMISSION_DENIED] = [14, 7];
const SCALARS = (cpus: number, mem: number, disk = 0) =>
  Object.entries({ cpus, mem, disk })
    .filter(([, value]) => value > 0)
    .map(([name, value]) => ({ name, type: 'SCALAR', scalar: { value }, allocation_info: { role: '*' } }));

interface Offer {
  readonly id: { readonly value: string };
  readonly agent_id: unknown;
  readonly resources: readonly { readonly name: string; readonly scalar?: { readonly value: number } }[];
}
const cpusOf = ({ resources }: Offer): number =>
  resources.filter(({ name }) => name === 'cpus').reduce((sum, { scalar }) => sum + (scalar?.value ?? 0), 0);

interface User {
  readonly uid: number;
  readonly gid: number;
}
const ROOT: User = { uid: 0, gid: 0 };
const user = (name: string): User => {
  const id = (what: string): number => Number(execFileSync('id', [what, name], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
};

interface Answer {
  readonly svids?: readonly { readonly spiffeId: string; readonly hint: string; readonly bytes: number }[];
  readonly code?: number;
  readonly read: readonly string[];
}

/** What a real client of the Workload API hears, and reads of files, as that user. */
async function ask(socket: string, as: User, ...files: string[]): Promise<Answer> {
  const script = join(root, 'test/support/workload-client.mjs');
  const words = [script, socket, String(as.uid), String(as.gid), ...files];
  const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: 60_000 });
  return JSON.parse(stdout) as Answer;
}

/** As that user, who can read what openssl needs for it. */
function verifies(folder: string, as: User): boolean {
  const now = realpathSync(folder);
  const [cert, key, bundle] = ['cert.pem', 'key.pem', 'bundle.pem'].map((name) => join(now, name));
  const openssl = (...words: string[]): string =>
    execFileSync('openssl', words, { ...as, encoding: 'utf8', cwd: '/' });
  const words = ['verify', '-x509_strict', '-CAfile', bundle ?? '', '-untrusted', cert ?? '', cert ?? ''];
  const ofKey = openssl('pkey', '-in', key ?? '', '-pubout');
  return (
    openssl(...words).includes(': OK') && ofKey === openssl('x509', '-in', cert ?? '', '-noout', '-pubkey')
  );
}

describe.runIf(process.getuid?.() === 0)('identities of tasks of several users (needs root)', () => {
  const [daemon, nobody] = process.getuid?.() === 0 ? [user('daemon'), user('nobody')] : [ROOT, ROOT];
  let site: Site;
  let agent: Running;
  let scheduler: JsonScheduler;

  const startAgent = (): Promise<Running> => {
    const settings = {
      ...site.settings(['data', 'agent']),
      'agent.switchUser': 'true',
      'agent.executorReregistrationTimeoutSeconds': '15',
      'auth.workload.authority': `http://127.0.0.1:${site.ports.auth}`,
    };
    const given = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    return site.start('agent', { arguments: given });
  };

  beforeAll(async () => {
    site = await Site.make();
    scheduler = new JsonScheduler(`127.0.0.1:${site.ports.master}`);
    await site.start('master', { settings: ['data', 'master', 'auth'] });
    agent = await startAgent();
    await scheduler.subscribe({ failover_timeout: 600, checkpoint: true });
  }, 120_000);
  afterAll(async () => {
    scheduler.close();
    await site.close();
  });

  const used = new Set<string>();
  /** Events before this one are about an agent process that is gone, with its offers. */
  let since = 0;
  const restartAgent = async (): Promise<void> => {
    await agent.kill9();
    since = scheduler.events.length;
    agent = await startAgent();
  };
  const accept = async (operations: (agentId: unknown) => unknown[]): Promise<void> => {
    // not one of those that have only what an ended task gave back
    const found = await eventually('an offer of most of the agent', () => {
      const offers = scheduler.events
        .slice(since)
        .flatMap((e) => (e.type === 'OFFERS' ? e['offers'].offers : []));
      return (offers as Offer[]).findLast((o) => !used.has(o.id.value) && cpusOf(o) > 1);
    });
    used.add(found.id.value);
    const body = {
      offer_ids: [found.id],
      operations: operations(found.agent_id),
      filters: { refuse_seconds: 0 },
    };
    await scheduler.call('ACCEPT', { accept: body });
  };
  const told = 'env >"$MESOS_SANDBOX/told"; echo >"$MESOS_SANDBOX/done"; exec sleep 86400';
  const task = (id: string, agent_id: unknown, name: string) => ({
    name: id,
    task_id: { value: id },
    agent_id,
    resources: SCALARS(0.1, 32),
    command: { value: told, user: name },
  });
  const kill = async (id: string): Promise<void> => {
    const agent_id = scheduler.statuses(id)[0]?.['agent_id'];
    await scheduler.call('KILL', { kill: { task_id: { value: id }, agent_id } });
    await scheduler.reached(id, 'TASK_KILLED');
  };
  const executor = async (id: string): Promise<{ directory: string; container: string }> => {
    const { json } = await call('GET', `http://127.0.0.1:${site.ports.agent}/state`);
    const frameworks = json.frameworks as {
      executors: { id: string; directory: string; container: string }[];
    }[];
    const found = frameworks.flatMap((f) => f.executors).find((e) => e.id === id);
    if (!found) throw new Error(`no executor ${id}`);
    return found;
  };
  /** What a task was told, by the sandbox in which it wrote that down. */
  const environment = async (sandbox: string): Promise<(name: string) => string> => {
    await eventually('the task to have written', () => existsSync(join(sandbox, 'done')), {
      timeoutMs: 30_000,
    });
    const text = readFileSync(join(sandbox, 'told'), 'utf8');
    return (name) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1] ?? '';
  };

  it('are of their own user alone: files that openssl verifies, a socket that answers; another user gets neither', async () => {
    await accept((id) => [
      {
        type: 'LAUNCH',
        launch: { task_infos: [task('u.daemon', id, 'daemon'), task('u.nobody', id, 'nobody')] },
      },
    ]);
    const users = { 'u.daemon': daemon, 'u.nobody': nobody };
    const found = await Promise.all(
      Object.entries(users).map(async ([id, own]) => {
        await scheduler.reached(id, 'TASK_RUNNING');
        const { directory } = await executor(id);
        const variable = await environment(directory);
        const [socket, key] = [variable('SPIFFE_ENDPOINT_SOCKET'), variable('RIMROCK_KEY_FILE')];
        return { id, own, socket, key };
      }),
    );
    for (const { id, own, socket, key } of found) {
      expect(key).toMatch(/^\/.*\.rimrock\/current\/key\.pem$/);
      const mine = await ask(socket, own, key);
      expect(mine.svids).toEqual([{ spiffeId: ID + id, hint: '', bytes: expect.any(Number) }]);
      expect(mine.read[0]).toContain('PRIVATE KEY');
      expect(verifies(dirname(key), own)).toBe(true);
      const at = statSync(socket.replace('unix://', ''));
      const folder = statSync(dirname(socket.replace('unix://', '')));
      for (const { uid, mode } of [at, folder, statSync(key)])
        expect([uid, mode & 0o077]).toEqual([own.uid, 0]);
      const others = found.filter((one) => one.own !== own);
      for (const { own: other } of others)
        expect(await ask(socket, other, key)).toMatchObject({ code: UNAVAILABLE, read: ['EACCES'] });
    }
    // whoever goes through the folders cannot look around in them
    for (const folder of [site.data, join(site.data, 'spiffe')])
      expect(statSync(folder).mode & 0o077).toBe(0o011);

    await restartAgent();
    for (const { id, own, socket, key } of found) {
      const again = await eventually(
        'the socket to answer again',
        async () => {
          const answer = await ask(socket, own, key);
          return answer.svids ? answer : undefined;
        },
        { timeoutMs: 60_000 },
      );
      expect(again.svids?.map(({ spiffeId }) => spiffeId)).toEqual([ID + id]);
      expect(verifies(dirname(key), own)).toBe(true);
    }
    for (const { id, socket, key } of found) {
      await kill(id);
      const left = (): string[] =>
        [socket.replace('unix://', ''), dirname(dirname(key))].filter((at) => existsSync(at));
      await eventually('nothing to be left', () => left().length === 0);
    }
  }, 180_000);

  it('of a group are as those of other tasks: each has its own, as its user, and it goes with it', async () => {
    const pod = { executor_id: { value: 'pod' }, type: 'DEFAULT', resources: SCALARS(0.1, 32, 16) };
    await accept((id) => {
      const task_group = { tasks: [task('pod.a', id, 'daemon'), task('pod.b', id, 'nobody')] };
      return [{ type: 'LAUNCH_GROUP', launch_group: { executor: pod, task_group } }];
    });
    await Promise.all(['pod.a', 'pod.b'].map((id) => scheduler.reached(id, 'TASK_RUNNING')));
    const { directory } = await executor('pod');
    const found = await Promise.all(
      [['pod.a', daemon] as const, ['pod.b', nobody] as const].map(async ([id, own]) => {
        const container = scheduler.statuses(id)[0]?.['container_status'].container_id.value as string;
        const variable = await environment(join(directory, 'containers', container));
        return { id, own, socket: variable('SPIFFE_ENDPOINT_SOCKET'), key: variable('RIMROCK_KEY_FILE') };
      }),
    );
    const [a, b] = found;
    for (const { id, own, socket, key } of found) {
      expect((await ask(socket, own, key)).svids?.map((s) => s.spiffeId)).toEqual([ID + id]);
      expect(verifies(dirname(key), own)).toBe(true);
    }
    expect(await ask(a?.socket ?? '', nobody, a?.key ?? '')).toMatchObject({
      code: UNAVAILABLE,
      read: ['EACCES'],
    });
    await kill('pod.a');
    await scheduler.reached('pod.b', 'TASK_KILLED');
    for (const one of [a, b]) {
      const gone = (): boolean =>
        !existsSync(one?.key ?? '/') && !existsSync(one?.socket.slice('unix://'.length) ?? '/');
      await eventually('nothing to be left', gone);
    }
  }, 120_000);

  it('of an executor are behind one socket, and in a folder for each task as long as that runs', async () => {
    const custom = {
      executor_id: { value: 'echo' },
      type: 'CUSTOM',
      command: {
        value: `env >told; echo >done; exec ${process.execPath} ${join(root, 'test/support/echo-executor.mjs')}`,
      },
      resources: SCALARS(0.1, 32),
    };
    const given = (id: string, agent_id: unknown) => ({
      name: id,
      task_id: { value: id },
      agent_id,
      executor: custom,
      resources: SCALARS(0.1, 32),
    });
    await accept((id) => [{ type: 'LAUNCH', launch: { task_infos: [given('e.1', id), given('e.2', id)] } }]);
    await Promise.all(['e.1', 'e.2'].map((id) => scheduler.reached(id, 'TASK_RUNNING')));
    const { directory } = await executor('echo');
    const variable = await environment(directory);
    const [socket, folder] = [variable('SPIFFE_ENDPOINT_SOCKET'), variable('RIMROCK_TASK_IDENTITIES')];
    const held = async (): Promise<unknown> => {
      const { svids, code } = await ask(socket, ROOT);
      return svids?.map(({ spiffeId, hint }) => [spiffeId, hint]) ?? code;
    };
    expect(await held()).toEqual([
      [`${ID}e.1`, 'e.1'],
      [`${ID}e.2`, 'e.2'],
    ]);
    const current = (id: string): string => join(folder, id, 'current');
    for (const id of ['e.1', 'e.2']) expect(verifies(current(id), ROOT)).toBe(true);
    expect(await ask(socket, daemon, join(current('e.1'), 'key.pem'))).toMatchObject({
      code: UNAVAILABLE,
      read: ['EACCES'],
    });

    await kill('e.2');
    await eventually('its identity to go', () => !existsSync(join(folder, 'e.2')));
    expect(await held()).toEqual([[`${ID}e.1`, 'e.1']]);

    const before = readFileSync(join(current('e.1'), 'cert.pem'), 'utf8');
    await restartAgent();
    await eventually(
      'the socket to answer again',
      async () => (await ask(socket, ROOT)).svids !== undefined,
      {
        timeoutMs: 60_000,
      },
    );
    expect(await held()).toEqual([[`${ID}e.1`, 'e.1']]);
    expect(readFileSync(join(current('e.1'), 'cert.pem'), 'utf8')).toBe(before);

    await kill('e.1');
    await eventually('its identity to go', () => !existsSync(join(folder, 'e.1')));
    expect(await held()).toBe(PERMISSION_DENIED);
    const agent_id = scheduler.statuses('e.1')[0]?.['agent_id'];
    await scheduler.call('SHUTDOWN', { shutdown: { executor_id: { value: 'echo' }, agent_id } });
    const gone = (): boolean => !existsSync(socket.slice('unix://'.length)) && !existsSync(dirname(folder));
    await eventually('nothing to be left', gone, { timeoutMs: 30_000 });
  }, 180_000);
});
