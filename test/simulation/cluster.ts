import { diffStates } from '../../src/cluster/model/index.ts';
import { stateFromV1 } from '../../src/cluster/index.ts';
import { stateV1 } from '../../src/master/views/lists-v1.ts';
import { isTerminal } from '../../src/mesos/index.ts';
import { BatchNode } from './batch.ts';
import { CONSUL, SimConsul } from './consul.ts';
import { SimExecutor } from './executor.ts';
import { Host } from './host.ts';
import { Judge } from './judge.ts';
import { Network } from './network.ts';
import { AgentNode, MarathonNode, MasterNode, WatchNode } from './nodes.ts';
import type { Node } from './nodes.ts';
import { Operator } from './operator.ts';
import { registryProblem } from './registry.ts';
import type { MasterView } from './sums.ts';
import { User } from './user.ts';
import type { World } from './world.ts';

/** Of each of three apps, while there is room for what the other framework runs. */
const INSTANCES_PER_AGENT = 2;

export interface Size {
  readonly agents: number;
  readonly masters?: number;
  /** Agents and frameworks are told where Consul is, instead of where the masters are. */
  readonly byConsul?: boolean;
}

/** A whole cluster in one process. */
export class Cluster {
  readonly world: World;
  readonly network: Network;
  readonly judge: Judge;
  readonly masters: readonly MasterNode[];
  readonly consul: SimConsul | undefined;
  readonly agents: readonly AgentNode[];
  readonly marathon: MarathonNode;
  readonly batch: BatchNode;
  readonly watch: WatchNode;
  readonly user: User;
  readonly operator: Operator;
  /** Of all frameworks. */
  readonly role = '*';

  constructor(world: World, { agents, masters = 1, byConsul = false }: Size) {
    this.world = world;
    this.network = new Network(world);
    this.judge = new Judge(
      world,
      () => this.agents.map((a) => a.host),
      (agentId) => this.agents.some((a) => a.disk.failed && a.disk.agent?.agentId === agentId),
    );
    this.consul = masters > 1 ? new SimConsul(this.network, () => this.judge.newMaster()) : undefined;
    const names = masters > 1 ? Array.from({ length: masters }, (_, i) => `master${i + 1}`) : ['master'];
    const text = byConsul ? `consul://${CONSUL}:8500/rimrock` : names.map((n) => `${n}:5050`).join(',');
    const around = {
      network: this.network,
      judge: this.judge,
      masters: { names, text, consul: this.consul },
    };
    this.masters = names.map((name, i) => new MasterNode(name, `10.0.0.${i + 1}`, around));
    this.marathon = new MarathonNode('marathon', around);
    this.batch = new BatchNode('batch', around);
    this.watch = new WatchNode('watch', around);
    this.agents = Array.from({ length: agents }, (_, i) => {
      const name = `agent${i + 1}`;
      const host = new Host(name, world, this.judge, (on, own) => new SimExecutor(this.network, on, own));
      return new AgentNode(name, `10.0.1.${i + 1}`, host, around);
    });
    this.user = new User(world, this.marathon, this.judge, Math.min(5, INSTANCES_PER_AGENT * agents));
    this.operator = new Operator(this.network, names, this.role);
  }

  get nodes(): readonly Node[] {
    return [...this.masters, this.marathon, this.batch, this.watch, ...this.agents];
  }

  /** The master that leads, if one does. */
  get leader(): MasterNode | undefined {
    return this.masters.find((m) => m.leads);
  }

  /** What the master that leads believes. */
  get state(): MasterView | undefined {
    return this.leader?.state;
  }

  start(): void {
    for (const node of this.nodes) this.world.after(this.world.between(0, 500), () => node.start());
  }

  /** Whatever was made bad is good again, and who is down comes up. */
  heal(): void {
    this.network.heal();
    for (const node of this.nodes) {
      Object.assign(node.disk.health, { failing: 0, slowMs: 5 });
      node.process?.wake();
      node.start();
    }
  }

  /** What people do who look after the cluster from time to time. */
  attend(): void {
    if (this.state) this.operator.relax(this.state);
    this.#restartRefused();
  }

  /**
   * Agents that were refused for good stay there until a person starts them again, as new ones (at once, or after one more
   * refusal when their disk did not let them forget who they were).
   */
  #restartRefused(): void {
    for (const agent of this.agents) {
      const id = agent.disk.agent?.agentId;
      const refused = id === undefined || this.state?.goneAgents.has(id) === true;
      if (!agent.up || !refused) continue;
      agent.crash();
      agent.start();
    }
  }

  /** Go on until `end`, judging. */
  async runUntil(end: number): Promise<void> {
    while (this.world.now < end && !this.world.violation) {
      await this.world.runUntil(Math.min(end, this.world.now + 1_000), () => this.judge.look(this.state));
      this.judge.inspect(this.state);
    }
  }

  /** What keeps the cluster from being as it should; empty when all is well. */
  problems(): string[] {
    const { state } = this;
    if (!state) return ['no master leads'];
    const { scheduler } = this.marathon.marathon ?? {};
    if (!scheduler) return ['marathon is down'];
    const problems = this.user.problems();
    if (!scheduler.driver.connected) problems.push('marathon is not subscribed');
    for (const { id } of scheduler.deployments.all()) problems.push(`deployment ${id} is not done`);
    const wanted: string[] = [];
    for (const app of scheduler.registry.all()) {
      const instances = scheduler.instances.ofApp(app.id);
      const fine = instances.filter((i) => i.state === 'TASK_RUNNING' && i.killing === undefined);
      if (fine.length !== app.instances || instances.length !== fine.length)
        problems.push(
          `${app.id} has ${instances.map((i) => i.state).join() || 'no instance'}, not ${app.instances}`,
        );
    }
    const { program } = this.batch;
    if (!program) return ['batch is down'];
    problems.push(...program.problems);
    wanted.push(...program.wanted);
    for (const i of scheduler.instances.all()) wanted.push(`${scheduler.driver.frameworkId}/${i.taskId}`);
    const expect = (what: string, found: readonly string[]): void => {
      const difference = unequal(wanted, found, (task) => this.judge.lingers(task));
      if (difference !== undefined) problems.push(`${what}: ${difference}`);
    };
    expect(
      'processes',
      this.agents.flatMap((a) => a.host.running.filter((p) => p.executorId === undefined).map((p) => p.task)),
    );
    expect(
      'tasks of the master',
      [...state.frameworks.values()].flatMap((f) => [...f.tasks.values()].map((t) => `${f.id}/${t.id}`)),
    );
    // what a bad disk did not let an agent remove it removes when it starts the next time
    if (!this.agents.some((a) => a.disk.failed))
      expect(
        'checkpoints',
        this.agents.flatMap((a) => a.disk.tasks),
      );
    expect(
      'tasks of the watch',
      [...this.watch.model.tasks.values()]
        // an agent that was refused while it was away stays unreachable for ever, as in Mesos, and its tasks with it
        .filter((t) => !isTerminal(t.state) && !state.unreachableAgents.has(t.agentId))
        .map((t) => `${t.frameworkId}/${t.id}`),
    );
    const away =
      this.agents.length - [...state.agents.values()].filter((a) => a.streamId !== undefined).length;
    if (away !== 0 || state.agents.size !== this.agents.length)
      problems.push(
        `${state.agents.size} agents are registered, ${away} of ${this.agents.length} not connected`,
      );
    const ordered = state.orders.size + state.maintenance.machines.size + state.quotas.size;
    if (ordered > 0) problems.push('orders of operators still hold');
    const unlike = registryProblem(state, this.leader?.stored ?? new Map());
    if (unlike !== undefined) problems.push(unlike);
    if (state.recoveredAgents.size > 0) problems.push('the master still waits for agents');
    return [...problems, ...this.#watchProblems()];
  }

  /** Where what the watch knows differs from what the master says. */
  #watchProblems(): string[] {
    const { state } = this;
    if (!state || this.watch.stale) return ['the watch is not level'];
    const seen = JSON.parse(JSON.stringify(stateV1(state))) as unknown;
    const { leader, masters } = this.watch.model;
    const truth = stateFromV1(seen, { leader, masters });
    return diffStates(this.watch.model, truth)
      .slice(0, 3)
      .map((c) => `the watch does not see ${JSON.stringify(c)}`);
  }
}

function unequal(
  wanted: readonly string[],
  found: readonly string[],
  tolerated: (task: string) => boolean,
): string | undefined {
  const [w, f] = [new Set(wanted), new Set(found)];
  const missing = wanted.filter((x) => !f.has(x));
  const more = found.filter((x) => !w.has(x) && !tolerated(x));
  if (missing.length === 0 && more.length === 0 && found.length === f.size) return undefined;
  return `missing [${missing.join()}], too many [${more.join()}]${found.length === f.size ? '' : ', some twice'}`;
}
