import { Resolver } from 'node:dns/promises';
import { call } from '../http.ts';
import type { GameCluster } from './cluster.ts';

export interface Declared {
  /** App → number of instances. */
  readonly apps: ReadonlyMap<string, number>;
  /** Ids of tasks of a framework that has gone away and may come back. */
  readonly orphans: readonly string[];
}

interface State {
  readonly slaves: readonly { readonly hostname: string; readonly active: boolean }[];
  readonly frameworks: readonly {
    readonly name: string;
    readonly connected: boolean;
    readonly tasks: readonly { readonly id: string; readonly state: string }[];
  }[];
}

/** What is not as it should be, each in words; nothing when all is green. */
export async function whatIsWrong(cluster: GameCluster, declared: Declared): Promise<string[]> {
  const checks = [masterSays, marathonSays, edgeSays, dnsSays];
  const found = await Promise.all(
    checks.map((check) =>
      check(cluster, declared).catch((error: unknown) => [`${check.name}: ${String(error)}`]),
    ),
  );
  return found.flat();
}

async function masterSays(cluster: GameCluster, { apps, orphans }: Declared): Promise<string[]> {
  const leader = await cluster.leader();
  if (!leader) return ['no master leads'];
  const state = (await call('GET', `http://127.0.0.1:${leader.port}/state`)).json as State;
  const wrong: string[] = [];
  const active = state.slaves.filter((s) => s.active).length;
  if (active !== 2) wrong.push(`${active} of 2 agents are active`);
  const marathon = state.frameworks.filter((f) => f.name === 'marathon');
  if (marathon.length !== 1 || !marathon[0]?.connected) wrong.push('Marathon is not connected to the master');
  const running = state.frameworks.flatMap((f) => f.tasks).filter((t) => t.state === 'TASK_RUNNING');
  const wanted = [...apps.values()].reduce((a, b) => a + b, 0) + orphans.length;
  if (running.length !== wanted) wrong.push(`the master sees ${running.length} of ${wanted} running tasks`);
  const missing = orphans.filter((id) => !running.some((t) => t.id === id));
  if (missing.length > 0) wrong.push(`the master does not see ${missing.join()}`);
  return wrong;
}

async function marathonSays(cluster: GameCluster, { apps }: Declared): Promise<string[]> {
  const wrong: string[] = [];
  const ready = await call('GET', cluster.url('marathon', '/ready'));
  if (ready.status !== 200) wrong.push(`Marathon is not ready: ${ready.text}`);
  const deployments = await call('GET', cluster.url('marathon', '/v2/deployments'));
  if (deployments.text !== '[]') wrong.push(`deployments: ${deployments.text.slice(0, 300)}`);
  const { json } = await call('GET', cluster.url('marathon', '/v2/apps'));
  const shown = json.apps as { id: string; instances: number; tasksRunning: number }[];
  const text = shown.map((a) => `${a.id} ${a.tasksRunning}/${a.instances}`).sort();
  const wanted = [...apps].map(([id, n]) => `${id} ${n}/${n}`).sort();
  if (text.join() !== wanted.join()) wrong.push(`Marathon has ${text.join()}, not ${wanted.join()}`);
  return wrong;
}

async function edgeSays(cluster: GameCluster, { apps }: Declared): Promise<string[]> {
  const wrong: string[] = [];
  const ready = await call('GET', cluster.url('admin', '/ready'));
  if (ready.status !== 200 || /stale/.test(ready.text)) wrong.push(`the edge is not well: ${ready.text}`);
  const { routes, rejected } = await routesOf(cluster);
  if (rejected.some(isBad)) wrong.push(`rejected: ${JSON.stringify(rejected)}`);
  for (const [id, n] of apps) {
    const host = `${id.slice(1)}.example.test`;
    const endpoints = routes.find((r) => JSON.stringify(r).includes(host))?.endpoints.length ?? 0;
    if (endpoints !== n) wrong.push(`the load balancer has ${endpoints} of ${n} endpoints for ${host}`);
  }
  return wrong;
}

async function dnsSays(cluster: GameCluster, { apps }: Declared): Promise<string[]> {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([`127.0.0.1:${cluster.ports.dns}`]);
  const wrong: string[] = [];
  for (const [id, n] of apps) {
    const records = await resolver.resolveSrv(`_${id.slice(1)}._tcp.marathon.mesos`);
    if (records.length !== n) wrong.push(`DNS has ${records.length} of ${n} records for ${id}`);
  }
  return wrong;
}

/** What is said of the app that the nemesis brings. */
export function isBad(rejected: unknown): boolean {
  return JSON.stringify(rejected).includes('marathon/bad');
}

export interface Route {
  readonly endpoints: readonly { readonly task: string }[];
}

export async function routesOf(
  cluster: GameCluster,
): Promise<{ readonly routes: Route[]; readonly rejected: unknown[] }> {
  const [routes, rejected] = await Promise.all([
    call('GET', cluster.url('admin', '/routes')),
    call('GET', cluster.url('admin', '/rejected')),
  ]);
  return { routes: routes.json.routes as Route[], rejected: rejected.json.rejected as unknown[] };
}
