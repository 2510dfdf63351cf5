import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { percentile } from '../../support/statistics.ts';
import { CallLine, now } from './wire.ts';

/**
 * One master with a large cluster: `npm run bench:cluster [-- --agents 10000 --tasks 10 --frameworks 50 --profile folder --skip state,updates]`. The master is the real program with the
 * embedded store; a process plays the agents, another one the frameworks and those who watch; all of it over loopback.
 * CPU time is that of the master's process, all threads.
 */
const { values } = parseArgs({
  strict: false,
  options: {
    agents: { type: 'string', default: '10000' },
    tasks: { type: 'string', default: '10' },
    frameworks: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1000' },
    profile: { type: 'string' },
    skip: { type: 'string', default: '' },
  },
});
const AGENTS = Number(values.agents);
const TASKS = AGENTS * Number(values.tasks);
const FRAMEWORKS = Number(values.frameworks);
const SECONDS = Number(values.seconds);
/** Where CPU profiles of the master go, one for each phase. */
const PROFILE = typeof values.profile === 'string' ? values.profile : undefined;
/** Phases to leave out; agents and tasks have to come in any case. */
const SKIP = new Set(String(values.skip).split(','));
const WATCHERS = 5;
/** So many frameworks have something to launch all the time, and decline for 5 s what they do not like. */
const WANTING = 5;

/** A child and what one may order of it. */
class Child {
  readonly process: ChildProcess;
  readonly #waiting = new Map<number, (answer: { answer?: never; error?: string }) => void>();
  #orders = 0;

  /** This same file with a role. */
  constructor(role: string, args: readonly string[] = [], execArgv: readonly string[] = []) {
    this.process = fork(import.meta.filename, [role, ...args], {
      execArgv: [...execArgv],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.process.on('message', (message: { id: number; answer?: never; error?: string }) => {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    });
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the child says what it answers
  async order<T>(order: string, given: object = {}): Promise<T> {
    const id = ++this.#orders;
    const answer = new Promise<{ answer?: never; error?: string }>((resolve) =>
      this.#waiting.set(id, resolve),
    );
    this.process.send({ id, order, given });
    const { answer: value, error } = await answer;
    if (error !== undefined) throw new Error(`${order}: ${error}`);
    return value as T;
  }

  /** CPU seconds so far. */
  cpu(): number {
    const fields = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'exit');
    this.process.kill(signal);
    await gone;
  }
}

const later = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

async function until(what: string, seconds: number, f: () => Promise<boolean>): Promise<void> {
  const end = now() + seconds * 1000;
  while (!(await f())) {
    if (now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await later(100);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function startMaster(port: number, folder: string): Promise<Child> {
  const set = [`data=${folder}`, `master.port=${port}`, 'log.level=error', 'auth.port=0'].flatMap((s) => [
    '-s',
    s,
  ]);
  const master = new Child('master', ['master', ...set], ['--expose-gc']);
  await until('master', 60, async () => {
    if (master.process.exitCode !== null) throw new Error('the master has ended');
    const line = new CallLine(port);
    const answer = await line.get('/health').catch(() => undefined);
    line.end();
    return answer?.status === 200;
  });
  return master;
}

interface FrameworkFigures {
  readonly running: number;
  readonly lastRunning: number;
  readonly offers: number;
  readonly offerEvents: number;
  readonly failed: number;
  readonly otherStates: number;
  readonly latencies: number[];
  readonly watched: number[];
  readonly watchers: { tasks: number; firstByte: number; complete: number; bytes: number; ended: number }[];
}
interface AgentFigures {
  readonly subscribed: number;
  readonly lastIn: number;
  readonly calls: number;
  readonly failed: number;
  readonly tasks: number;
  readonly acknowledged: number;
  readonly retries: number;
}

interface Memory extends NodeJS.MemoryUsage {
  readonly collectionMs: number;
}

const show = (name: string, figures: Readonly<Record<string, number | string>>): void =>
  console.log(
    name.padEnd(22),
    Object.entries(figures)
      .map(([k, v]) => `${k} ${typeof v === 'number' ? Number(v.toFixed(v < 100 ? 2 : 0)) : v}`)
      .join(', '),
  );

interface Blocks {
  readonly longest: number;
  readonly blocks: readonly number[];
  readonly collecting: number;
  readonly longestCollection: number;
}

/** Run a phase; what it cost the master, and how long its longest block was. */
async function phase(
  master: Child,
  name: string,
  f: () => Promise<Readonly<Record<string, number | string>>>,
): Promise<void> {
  if (SKIP.has(name)) return;
  await master.order('blocks');
  if (PROFILE !== undefined) await master.order('profile');
  const before = master.cpu();
  const began = now();
  const figures = await f();
  const cpu = master.cpu() - before;
  const wall = (now() - began) / 1000;
  if (PROFILE !== undefined)
    await master.order('profiled', { to: join(PROFILE, `${name.replaceAll(' ', '-')}.cpuprofile`) });
  const { longest, blocks, collecting, longestCollection } = await master.order<Blocks>('blocks');
  show(name, {
    'CPU s': cpu,
    'wall s': wall,
    'longest block, CPU ms': longest,
    'over 20 ms': blocks.length,
    'collecting s': collecting / 1000,
    'longest collection ms': longestCollection,
    ...figures,
  });
}

/** Ask for something small all the time; the latencies in milliseconds. */
async function probing(port: number, path: string, f: () => Promise<unknown>): Promise<number[]> {
  const line = new CallLine(port);
  const latencies: number[] = [];
  const over = new AbortController();
  const probe = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const asked = now();
      await line.get(path);
      latencies.push(now() - asked);
      await later(2);
    }
  };
  const probed = probe();
  await f();
  over.abort();
  await probed;
  line.end();
  return latencies;
}

async function run(): Promise<void> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-scale-'));
  let master = await startMaster(port, folder);
  const agents = new Child('agents');
  const frameworks = new Child('frameworks');
  const children = (): Child[] => [agents, frameworks, master];
  process.once('SIGINT', () => {
    for (const { process: child } of children()) child.kill('SIGKILL');
    process.exit(1);
  });
  const ofAgents = (): Promise<AgentFigures> => agents.order('figures');
  const ofFrameworks = (): Promise<FrameworkFigures> => frameworks.order('figures');
  const rss = (child: Child): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.process.pid}/status`, 'utf8'))?.[1]) / 1024;
  const peak = (child: Child): number =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.process.pid}/status`, 'utf8'))?.[1]) / 1024;
  const allIn = (): Promise<void> =>
    until('agents', 300, async () => (await ofAgents()).subscribed === AGENTS);
  try {
    await phase(master, 'agents register', async () => {
      const began = now();
      await agents.order('join', { port, count: AGENTS, spreadMs: 2000 });
      await allIn();
      return { 'all in after s': ((await ofAgents()).lastIn - began) / 1000, 'RSS MB': rss(master) };
    });
    await frameworks.order('join', { port, count: FRAMEWORKS });
    await later(3000);
    await phase(master, 'offer cycles', async () => {
      const before = (await ofFrameworks()).offers;
      await later(SECONDS * 1000);
      const offers = (await ofFrameworks()).offers - before;
      return { offers };
    });
    await phase(master, 'launch', async () => {
      const began = now();
      await frameworks.order('act', { mode: { kind: 'launch', each: 2 }, launch: TASKS });
      await until('tasks', 600, async () => (await ofFrameworks()).running >= TASKS);
      const { lastRunning, failed } = await ofFrameworks();
      const seconds = (lastRunning - began) / 1000;
      return { tasks: TASKS, 'tasks/s': TASKS / seconds, 'failed calls': failed };
    });
    await frameworks.order('suppress', { but: WANTING });
    await later(2000);
    const memory = await master.order<Memory>('memory');
    show('memory', {
      'heap MB': memory.heapUsed / 1e6,
      'beside the heap MB': memory.arrayBuffers / 1e6,
      'full collection, CPU ms': memory.collectionMs,
      'RSS MB': rss(master),
      'highest RSS MB': peak(master),
    });
    await phase(master, 'at rest', async () => {
      await later(SECONDS * 1000);
      return {};
    });
    await phase(master, 'snapshot', async () => {
      const probed = await probing(port, '/version', () => frameworks.order('watch', { count: 1 }));
      const [watcher] = (await ofFrameworks()).watchers;
      return {
        'first byte ms': watcher?.firstByte ?? 0,
        'complete ms': watcher?.complete ?? 0,
        MB: (watcher?.bytes ?? 0) / 1e6,
        tasks: watcher?.tasks ?? 0,
        'others p99 ms': percentile(probed, 0.99),
        'others worst ms': percentile(probed, 1),
      };
    });
    await phase(master, 'state', async () => {
      let bytes = 0;
      const probed = await probing(port, '/version', async () => {
        const line = new CallLine(port);
        bytes = await stateBytes(port);
        line.end();
      });
      return { MB: bytes / 1e6, 'others worst ms': percentile(probed, 1) };
    });
    await frameworks.order('watch', { count: WATCHERS });
    await ofFrameworks();
    await phase(master, 'updates', async () => {
      const sent = await agents.order<{ ms: number; sent: number }>('updates', {
        perSecond: Number(values.rate),
        seconds: SECONDS,
      });
      await later(1000);
      const { latencies, watched } = await ofFrameworks();
      return {
        sent: sent.sent,
        'per s': sent.sent / (sent.ms / 1000),
        seen: watched.length / WATCHERS,
        'framework p99 ms': percentile(latencies, 0.99),
        'watchers p50 ms': percentile(watched, 0.5),
        'watchers p99 ms': percentile(watched, 0.99),
      };
    });
    await master.end('SIGKILL');
    const restarted = now();
    master = await startMaster(port, folder);
    await phase(master, 'failover', async () => {
      await Promise.all([
        frameworks.order('rejoin'),
        frameworks.order('watch', { count: WATCHERS }),
        agents.order('rejoin', { spreadMs: 5000 }),
      ]);
      await allIn();
      await later(2000);
      const { lastIn, retries } = await ofAgents();
      const { offers, offerEvents, otherStates, watchers } = await ofFrameworks();
      return {
        'all in after s': (lastIn - restarted) / 1000,
        'attempts for nothing': retries,
        offers,
        offerEvents,
        'states other than running': otherStates + watchers.reduce((n, w) => n + w.ended, 0),
        'tasks that watchers know': Math.min(...watchers.map((w) => w.tasks)),
        'RSS MB': rss(master),
      };
    });
    const after = await master.order<Memory>('memory');
    show('memory', {
      'heap MB': after.heapUsed / 1e6,
      'beside the heap MB': after.arrayBuffers / 1e6,
      'full collection, CPU ms': after.collectionMs,
      'RSS MB': rss(master),
      'highest RSS MB': peak(master),
    });
  } finally {
    for (const child of children()) await child.end('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function stateBytes(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/state`);
  let bytes = 0;
  for await (const piece of response.body ?? []) bytes += piece.length;
  return bytes;
}

/** The real program, with somebody inside who tells how long its main thread was busy. */
async function playMaster(): Promise<void> {
  const program = join(import.meta.dirname, '../../../bin/rimrock.mjs');
  await import('./inside.ts');
  process.argv.splice(1, 2, program);
  await import(program);
}

const role = process.argv[2];
if (role === 'master') await playMaster();
else if (role === 'agents') await import('./agents.ts');
else if (role === 'frameworks') await import('./frameworks.ts');
else await run();
