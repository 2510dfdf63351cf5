import { eventually, pause } from '../eventually.ts';
import { call } from '../http.ts';
import type { GameCluster } from './cluster.ts';
import { isBad, routesOf } from './health.ts';
import type { Part } from './part.ts';
import type { Step } from './schedule.ts';
import type { Span } from './traffic.ts';

export type Fault =
  | 'kill master'
  | 'kill agent'
  | 'kill marathon'
  | 'kill edge'
  | 'kill consul'
  | 'kill task'
  | 'pause master'
  | 'pause agent'
  | 'pause marathon'
  | 'pause edge'
  | 'pause task'
  | 'partition'
  | 'full disk'
  | 'bad label'
  | 'bad task'
  | 'bad app';

/** What the nemesis has done, for those who judge. */
export interface Deeds {
  /** When the edge was not there, or did not go on. */
  readonly edgeAway: Span[];
  /** Tasks whose process it has killed. */
  readonly killed: Set<string>;
  /** What should not have been while it was at work. */
  readonly wrong: string[];
  readonly done: string[];
}

const BAD_LABELS = {
  HAPROXY_GROUP: 'external',
  HAPROXY_0_VHOST: 'good.example.test, *not a host*',
  HAPROXY_0_PATH: 'no-slash',
  'rimrock.http.web.retries': 'many',
  HAPROXY_0_BACKEND_WEIGHT: '1e999',
};

/** The faults that this cluster can suffer. */
export function faultsOf(cluster: GameCluster): Fault[] {
  const everywhere: Fault[] = ['kill master', 'kill agent', 'kill marathon', 'kill edge', 'kill task'];
  const pauses: Fault[] = ['pause master', 'pause agent', 'pause marathon', 'pause edge', 'pause task'];
  const users: Fault[] = ['bad label', 'bad task', 'bad app'];
  const here: Fault[] = ['partition'];
  if (cluster.consul) here.push('kill consul');
  if (cluster.disks.length > 0) here.push('full disk');
  return [...everywhere, ...pauses, ...users, ...here];
}

/** Does one fault, and undoes it after its time. */
export async function strike(cluster: GameCluster, step: Step<Fault>, deeds: Deeds): Promise<void> {
  const [what, whom] = step.fault.split(' ') as [string, string | undefined];
  const label = `${new Date().toISOString()} ${step.fault} for ${step.forMs} ms`;
  deeds.done.push(label);
  const tell = (more: string): void => void (deeds.done[deeds.done.length - 1] = `${label}: ${more}`);
  if (step.fault === 'kill consul') return killConsul(cluster, step.forMs);
  if (what === 'bad') return misbehave(cluster, step, deeds);
  if (whom === 'task') return strikeTask(cluster, step, deeds, tell);
  if (step.fault === 'partition') return cutCable(cluster, step, tell);
  if (step.fault === 'full disk') return fillDisk(cluster, step, tell);
  const part = pick(cluster.named(whom ?? ''), step.pick);
  tell(part.name);
  const fromMs = Date.now();
  await (what === 'kill' ? killPart(part, step.forMs) : pausePart(part, step.forMs));
  if (part.name !== 'edge') return;
  await eventually('the edge to be ready again', () => edgeReady(cluster), { timeoutMs: 60_000 });
  deeds.edgeAway.push({ fromMs, toMs: Date.now() });
}

async function edgeReady(cluster: GameCluster): Promise<boolean> {
  return (await call('GET', cluster.url('admin', '/ready'))).status === 200;
}

function pick<T>(all: readonly T[], at: number): T {
  const one = all[Math.floor(at * all.length)];
  if (one === undefined) throw new Error('nobody to hit');
  return one;
}

async function killPart(part: Part, forMs: number): Promise<void> {
  await part.end('SIGKILL');
  await pause(forMs);
  part.start();
}

async function pausePart(part: Part, forMs: number): Promise<void> {
  part.signal('SIGSTOP');
  await pause(forMs);
  part.signal('SIGCONT');
}

async function killConsul(cluster: GameCluster, forMs: number): Promise<void> {
  await cluster.consul?.kill9();
  await pause(forMs);
  await cluster.consul?.launch();
}

async function strikeTask(
  cluster: GameCluster,
  step: Step<Fault>,
  deeds: Deeds,
  tell: (more: string) => void,
): Promise<void> {
  const [id, pid] = pick(
    cluster.taskProcesses().filter(([task]) => task.startsWith('web')),
    step.pick,
  );
  tell(id);
  if (step.fault === 'kill task') {
    deeds.killed.add(id);
    process.kill(pid, 'SIGKILL');
    await pause(step.forMs);
    return;
  }
  process.kill(pid, 'SIGSTOP');
  // Shorter than clients wait for an answer.
  await pause(Math.min(step.forMs, 4_000));
  process.kill(pid, 'SIGCONT');
}

async function cutCable(
  cluster: GameCluster,
  step: Step<Fault>,
  tell: (more: string) => void,
): Promise<void> {
  const [name, cable] = pick([...cluster.cables], step.pick);
  tell(name);
  cable.cut();
  await pause(step.forMs);
  cable.mend();
}

/** Meanwhile an app is wanted, so that there is something to write. */
async function fillDisk(
  cluster: GameCluster,
  step: Step<Fault>,
  tell: (more: string) => void,
): Promise<void> {
  const name = pick(cluster.disks, step.pick);
  const free = cluster.fill(name);
  const answer = await deploy(cluster, { id: '/disk', cmd: 'sleep 86400', ...SMALL, instances: 2 });
  tell(`${name}; an app was answered ${answer}`);
  await pause(step.forMs);
  free();
  await undeploy(cluster, '/disk');
}

const SMALL = { cpus: 0.01, mem: 16 };

async function deploy(
  cluster: GameCluster,
  app: Readonly<Record<string, unknown>>,
): Promise<number | string> {
  return call('POST', cluster.url('marathon', '/v2/apps'), app).then(
    (answer) => answer.status,
    (error: unknown) => String(error),
  );
}

/** Until Marathon has no such app any more; it may be away just now. */
async function undeploy(cluster: GameCluster, id: string): Promise<void> {
  await eventually(
    `${id} to be gone`,
    async () => {
      const url = cluster.url('marathon', `/v2/apps${id}`);
      if ((await call('GET', url)).status === 404) return true;
      await call('DELETE', `${url}?force=true`);
      return false;
    },
    { timeoutMs: 60_000, everyMs: 200 },
  );
}

async function misbehave(cluster: GameCluster, step: Step<Fault>, deeds: Deeds): Promise<void> {
  if (step.fault === 'bad app') {
    const answer = await deploy(cluster, { id: '/bad', cmd: 7, instances: -1 });
    if (typeof answer === 'number' && (answer < 400 || answer > 499))
      deeds.wrong.push(`a bad app was answered ${answer}`);
    return;
  }
  const cmd = step.fault === 'bad task' ? 'exit 3' : 'sleep 86400';
  const labels = step.fault === 'bad label' ? BAD_LABELS : {};
  const before = await othersRoutes(cluster);
  const app = { id: '/bad', cmd, ...SMALL, backoffSeconds: 0.2, portDefinitions: [{ port: 0 }], labels };
  await eventually('Marathon to take an app', async () => (await deploy(cluster, app)) === 201, {
    timeoutMs: 60_000,
    everyMs: 200,
  });
  if (step.fault === 'bad label')
    await eventually(
      'the bad labels to be rejected',
      async () => (await routesOf(cluster)).rejected.some(isBad),
      { timeoutMs: 60_000, everyMs: 100 },
    );
  await pause(step.forMs);
  const after = await othersRoutes(cluster);
  if (after !== before) deeds.wrong.push(`${step.fault} changed routes of others: ${before} became ${after}`);
  await undeploy(cluster, '/bad');
}

/** The routes of all other apps, without those who serve them, which come and go. */
async function othersRoutes(cluster: GameCluster): Promise<string> {
  const read = async (): Promise<string> => {
    const { routes } = await routesOf(cluster);
    return JSON.stringify(routes, (key, value: unknown) => (key === 'endpoints' ? undefined : value));
  };
  return eventually('the edge to show its routes', read, { timeoutMs: 60_000 });
}
