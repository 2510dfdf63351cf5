import { seededRandom } from '../../../src/core/random.ts';
import { encodeRecord, parseResources } from '../../../src/mesos/index.ts';
import type { Resource, TaskInfo } from '../../../src/mesos/index.ts';
import * as machine from '../../../src/master/state/index.ts';
import type { FrameworkEntry, Step } from '../../../src/master/state/index.ts';

// CPU time of the allocator's cycles in a large cluster: `npm run bench:allocator [agents] [frameworks] [roles]`.
// It drives the state machine alone: no sockets, but offers are encoded as they go to a stream.

const [agents = 10_000, frameworks = 50, roles = 10] = process.argv.slice(2).map(Number);
const CYCLES = 12;
const INTERVAL_MS = 1000;

const POLICY = {
  heartbeatSeconds: 15,
  pingIntervalSeconds: 15,
  maxPingTimeouts: 5,
  allocationIntervalMs: INTERVAL_MS,
  offerTimeoutMs: undefined,
  maxCompletedFrameworks: 3,
  maxCompletedTasksPerFramework: 5,
  maxUnreachableTasksPerFramework: 5,
  minAllocatable: [new Map([['cpus', 0.01]]), new Map([['mem', 32]])],
  rootSubmissions: true,
  recoveryRemovalLimitPercent: 100,
  filterGpuResources: true,
  compileRegex: () => 'not needed',
};
const INFO = {
  id: 'M',
  ip: 0,
  port: 5050,
  pid: 'master@127.0.0.1:5050',
  hostname: 'm',
  version: '1.11.0',
  address: { ip: '127.0.0.1', port: 5050 },
};

function resources(text: string): Resource[] {
  const parsed = parseResources(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return [...parsed.value];
}

/** A cluster, its time, and the bytes that its streams were sent. */
class Cluster {
  readonly state = machine.newState(INFO, POLICY);
  readonly #random = seededRandom(1);
  now = 1_000_000;
  bytes = 0;
  #tasks = 0;

  constructor() {
    const address = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    for (let i = 0; i < agents; i++) {
      const call = {
        agent_info: {
          hostname: `agent${i}.example.com`,
          port: 5051,
          resources: resources('cpus:16;mem:65536;disk:500000;ports:[31000-32000]'),
          attributes: [{ name: 'rack', type: 'TEXT' as const, text: { value: `r${i % 40}` } }],
        },
        address: { ip: address(i), port: 5051 },
        version: '1.11.0',
        capabilities: [],
        frameworks: [],
        tasks: [],
      };
      const info = { ...call.agent_info, id: { value: `M-S${i}` } };
      this.turn((step) => machine.subscribeAgent(step, info, call, `agent${i}`));
    }
    for (let i = 0; i < frameworks; i++) {
      const role = `role${i % roles}`;
      const info = { user: 'u', name: `f${i}`, failover_timeout: 100, checkpoint: true, role };
      this.turn((step) => machine.subscribeFramework(step, info, [], `framework${i}`));
    }
  }

  turn(f: (step: Step) => void): void {
    const step = machine.newStep(this.state, this.now, this.now);
    f(step);
    for (const effect of step.effects)
      if (effect.kind === 'send') this.bytes += encodeRecord(effect.event).length;
  }

  /** What happens once in an interval; returns its CPU milliseconds. */
  cycle(): number {
    this.now += INTERVAL_MS;
    const before = process.cpuUsage();
    this.turn(machine.tick);
    this.turn((step) => machine.runAllocation(step, (items) => this.#shuffled(items)));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }

  #shuffled<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.#random.int(i + 1);
      const held = items[i] as T;
      items[i] = items[j] as T;
      items[j] = held;
    }
    return items;
  }

  answer(f: (step: Step, framework: FrameworkEntry, ids: { value: string }[]) => void): number {
    const before = process.cpuUsage();
    for (const framework of this.state.frameworks.values()) {
      const ids = Array.from(framework.offers, (value) => ({ value }));
      if (ids.length > 0) this.turn((step) => f(step, framework, ids));
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }

  /** One task on each offer; the rest comes back without a filter. */
  launch(step: Step, framework: FrameworkEntry, ids: { value: string }[]): void {
    for (const id of ids) {
      const agent = this.state.offers.get(id.value)?.agentId ?? '';
      const task: TaskInfo = {
        name: 't',
        task_id: { value: `t${this.#tasks++}` },
        agent_id: { value: agent },
        resources: resources('cpus:1;mem:512'),
        command: { value: 'true' },
      };
      const operations = [{ type: 'LAUNCH', launch: { task_infos: [task] } }];
      machine.accept(step, framework, { offer_ids: [id], operations, filters: { refuse_seconds: 0 } });
    }
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const row = (name: string, cycles: readonly number[], answers: readonly number[], offers: number): void =>
  console.log(
    `${name.padEnd(34)} ${median(cycles).toFixed(1).padStart(9)} ${Math.max(...cycles)
      .toFixed(1)
      .padStart(9)} ${median(answers).toFixed(1).padStart(9)} ${String(Math.round(offers)).padStart(9)}`,
  );

console.log(
  `${agents} agents, ${frameworks} frameworks, ${roles} roles; CPU ms, median and worst of ${CYCLES}`,
);
console.log(
  `${''.padEnd(34)} ${'cycle'.padStart(9)} ${'worst'.padStart(9)} ${'answers'.padStart(9)} ${'offers'.padStart(9)}`,
);

function measure(name: string, answer: (c: Cluster) => number, prepare?: (c: Cluster) => void): void {
  const cluster = new Cluster();
  prepare?.(cluster);
  const cycles: number[] = [];
  const answers: number[] = [];
  let offers = 0;
  for (let i = 0; i < CYCLES; i++) {
    cycles.push(cluster.cycle());
    offers += cluster.state.offers.size / CYCLES;
    answers.push(answer(cluster));
  }
  row(name, cycles, answers, offers);
}

const declineFor =
  (seconds: number) =>
  (cluster: Cluster): number =>
    cluster.answer((step, framework, offer_ids) =>
      machine.decline(step, framework, { offer_ids, filters: { refuse_seconds: seconds } }),
    );

measure('all decline, filters of 5 s', declineFor(5));
measure('all accept, a task each', (c) => c.answer((step, f, ids) => c.launch(step, f, ids)));
measure('all have declined for an hour', declineFor(3600), (c) => {
  for (let i = 0; i < frameworks; i++) {
    c.cycle();
    declineFor(3600)(c);
  }
});
measure('all offers outstanding', () => 0);
