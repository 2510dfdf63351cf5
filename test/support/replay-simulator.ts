import type { Random } from '../../src/core/random.ts';

interface SimTask {
  readonly id: string;
  readonly framework: string;
  readonly agent: string;
  readonly name: string;
  readonly port: number;
  state: string;
  readonly statuses: Record<string, unknown>[];
}

/**
 * A make-believe master: its state changes at random, by the rules of the real one (which events come, and which do
 * not). What it says in `getState` is the truth that a follower must agree with after each event.
 */
export class ReplaySimulator {
  readonly #random: Random;
  readonly #agents = new Map<string, { readonly active: boolean }>();
  readonly #away = new Set<string>();
  readonly #frameworks = new Map<string, { name: string; active: boolean }>();
  readonly #tasks = new Map<string, SimTask>();
  #n = 0;
  #time = 1_700_000_000;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Change something; returns the events that tell of it, in order. */
  step(): unknown[] {
    const kinds = [4, 3, 22, 45, 3, 3, 3, 2, 2];
    let roll = this.#random.int(kinds.reduce((a, b) => a + b));
    const kind = kinds.findIndex((weight) => (roll -= weight) < 0);
    switch (kind) {
      case 0:
        return this.#addAgent(`A-S${this.#n++}`);
      case 1:
        return this.#addFramework();
      case 2:
        return this.#launch();
      case 3:
        return this.#progress();
      case 4:
        return this.#loseAgent();
      case 5:
        return this.#returnAgent();
      case 6:
        return this.#unregisterAgent();
      case 7:
        return this.#updateFramework();
      default:
        return this.#removeFramework();
    }
  }

  get getState(): unknown {
    const tasks = [...this.#tasks.values()];
    return {
      get_agents: { agents: [...this.#agents.keys()].map((id) => this.#agent(id)) },
      get_frameworks: { frameworks: [...this.#frameworks.keys()].map((id) => this.#framework(id)) },
      get_tasks: {
        tasks: tasks.filter((t) => t.state !== 'TASK_UNREACHABLE').map((t) => this.#task(t)),
        unreachable_tasks: tasks.filter((t) => t.state === 'TASK_UNREACHABLE').map((t) => this.#task(t)),
      },
    };
  }

  #pick<T>(values: Iterable<T>): T | undefined {
    const list = [...values];
    return list[this.#random.int(list.length)];
  }

  #addAgent(id: string): unknown[] {
    if (this.#agents.size >= 6) return [];
    this.#agents.set(id, { active: true });
    return [{ type: 'AGENT_ADDED', agent_added: { agent: this.#agent(id) } }];
  }

  #addFramework(): unknown[] {
    if (this.#frameworks.size >= 4) return [];
    const id = `F-${this.#n++}`;
    this.#frameworks.set(id, { name: `fw${this.#random.int(3)}`, active: true });
    return [{ type: 'FRAMEWORK_ADDED', framework_added: { framework: this.#framework(id) } }];
  }

  #updateFramework(): unknown[] {
    const id = this.#pick(this.#frameworks.keys());
    if (id === undefined) return [];
    this.#frameworks.set(id, { name: `fw${this.#random.int(3)}`, active: this.#random.next() < 0.5 });
    return [{ type: 'FRAMEWORK_UPDATED', framework_updated: { framework: this.#framework(id) } }];
  }

  #removeFramework(): unknown[] {
    const id = this.#pick(this.#frameworks.keys());
    if (id === undefined) return [];
    const framework_info = { id: { value: id }, name: this.#frameworks.get(id)?.name };
    this.#frameworks.delete(id);
    for (const [key, t] of this.#tasks) if (t.framework === id) this.#tasks.delete(key);
    return [{ type: 'FRAMEWORK_REMOVED', framework_removed: { framework_info } }];
  }

  #launch(): unknown[] {
    const agent = this.#pick(this.#agents.keys());
    const framework = this.#pick(this.#frameworks.keys());
    if (agent === undefined || framework === undefined || this.#tasks.size > 60) return [];
    const n = this.#n++;
    const task: SimTask = {
      id: `t.${n}`,
      framework,
      agent,
      name: `svc${this.#random.int(6)}`,
      port: 31_000 + (n % 1000),
      state: 'TASK_STAGING',
      statuses: [],
    };
    this.#tasks.set(`${framework} ${task.id}`, task);
    return [{ type: 'TASK_ADDED', task_added: { task: this.#task(task) } }];
  }

  #progress(): unknown[] {
    const task = this.#pick([...this.#tasks.values()].filter((t) => t.state !== 'TASK_UNREACHABLE'));
    if (!task) return [];
    const next: Record<string, readonly string[]> = {
      TASK_STAGING: ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FAILED'],
      TASK_STARTING: ['TASK_RUNNING', 'TASK_RUNNING', 'TASK_FAILED'],
      TASK_RUNNING: ['TASK_RUNNING', 'TASK_RUNNING', 'TASK_KILLING', 'TASK_FINISHED', 'TASK_FAILED'],
      TASK_KILLING: ['TASK_KILLED'],
    };
    const state = this.#pick(next[task.state] ?? []);
    return state === undefined ? [] : [this.#update(task, state, { source: 'SOURCE_EXECUTOR' })];
  }

  #update(task: SimTask, state: string, extra: Record<string, unknown>): unknown {
    this.#time += 0.25;
    const status: Record<string, unknown> = {
      task_id: { value: task.id },
      state,
      timestamp: this.#time,
      agent_id: { value: task.agent },
      ...extra,
    };
    if (state === 'TASK_RUNNING') {
      status['healthy'] = this.#random.next() < 0.7;
      status['container_status'] = { network_infos: [{ ip_addresses: [{ ip_address: '10.1.0.1' }] }] };
    }
    // A status of the same state takes the place of the one before.
    if (task.statuses.at(-1)?.['state'] === state) task.statuses.pop();
    task.statuses.push(status);
    task.state = state;
    if (/FINISHED|FAILED|KILLED|LOST|GONE/.test(state)) this.#tasks.delete(`${task.framework} ${task.id}`);
    return { type: 'TASK_UPDATED', task_updated: { framework_id: { value: task.framework }, status, state } };
  }

  /** Unreachable: only its tasks tell (so only agents with tasks get lost here). */
  #loseAgent(): unknown[] {
    const busy = [...this.#agents.keys()].filter((id) => this.#tasksOn(id).length > 0);
    const id = this.#pick(busy);
    if (id === undefined) return [];
    this.#agents.delete(id);
    this.#away.add(id);
    const extra = { source: 'SOURCE_MASTER', reason: 'REASON_AGENT_REMOVED' };
    return this.#tasksOn(id).map((t) => this.#update(t, 'TASK_UNREACHABLE', extra));
  }

  /** Back again: its tasks first, with their history, then the agent. */
  #returnAgent(): unknown[] {
    const id = this.#pick(this.#away);
    if (id === undefined) return [];
    this.#away.delete(id);
    const events: unknown[] = this.#tasksOn(id).map((task) => {
      task.statuses.pop();
      const last = task.statuses.at(-1)?.['state'];
      task.state = typeof last === 'string' ? last : 'TASK_STAGING';
      return { type: 'TASK_ADDED', task_added: { task: this.#task(task) } };
    });
    this.#agents.set(id, { active: true });
    return [...events, { type: 'AGENT_ADDED', agent_added: { agent: this.#agent(id) } }];
  }

  #unregisterAgent(): unknown[] {
    const id = this.#pick(this.#agents.keys());
    if (id === undefined) return [];
    const events = this.#tasksOn(id).map((t) => this.#update(t, 'TASK_LOST', { source: 'SOURCE_AGENT' }));
    this.#agents.delete(id);
    return [...events, { type: 'AGENT_REMOVED', agent_removed: { agent_id: { value: id } } }];
  }

  #tasksOn(agent: string): SimTask[] {
    return [...this.#tasks.values()].filter((t) => t.agent === agent);
  }

  #agent(id: string): unknown {
    const n = Number(id.slice(3)) % 250;
    return {
      agent_info: { id: { value: id }, hostname: `${id}.example.com` },
      pid: `slave(1)@10.0.0.${n}:5051`,
      active: true,
    };
  }

  #framework(id: string): unknown {
    const { name, active } = this.#frameworks.get(id) ?? { name: '', active: false };
    return { framework_info: { id: { value: id }, name }, active };
  }

  #task(task: SimTask): unknown {
    return structuredClone({
      name: task.name,
      task_id: { value: task.id },
      framework_id: { value: task.framework },
      agent_id: { value: task.agent },
      state: task.state,
      statuses: task.statuses,
      resources: [
        { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: task.port, end: task.port }] } },
      ],
      labels: { labels: [{ key: 'n', value: task.id }] },
    });
  }
}
