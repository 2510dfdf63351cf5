import { systemRandom } from '../../core/random.ts';
import type { TaskInfo, TaskState, TaskStatus, Value } from '../../mesos/index.ts';
import { isTerminal } from '../../mesos/index.ts';

export interface FakeTask {
  readonly id: string;
  readonly agentId: string;
  readonly info: TaskInfo;
  readonly state: TaskState;
}

interface Entry {
  readonly task: FakeTask;
  /** Updates the framework has not acknowledged, oldest first. */
  readonly unacknowledged: TaskStatus[];
}

/** The tasks of a fake master. By default they run as soon as they are launched, and end as soon as they are killed. */
export class FakeTasks {
  readonly #parts: { send: (event: unknown) => void; released: (task: FakeTask) => void };
  readonly #tasks = new Map<string, Entry>();
  /** Every task ever launched, by id. */
  readonly launched: TaskInfo[] = [];
  /** Answer reconciliation as a master to which no agent has come back yet. */
  amnesia = false;
  /** Called instead of running a task at once. */
  onLaunch: (task: FakeTask) => void = (task) => this.update(task.id, 'TASK_RUNNING');
  /** Called instead of ending a task at once. */
  onKill: (task: FakeTask) => void = (task) => {
    this.update(task.id, 'TASK_KILLING');
    this.update(task.id, 'TASK_KILLED');
  };

  constructor(parts: { send: (event: unknown) => void; released: (task: FakeTask) => void }) {
    this.#parts = parts;
  }

  alive(): FakeTask[] {
    return [...this.#tasks.values()].map((e) => e.task).filter((t) => !isTerminal(t.state));
  }

  get(id: string): FakeTask | undefined {
    return this.#tasks.get(id)?.task;
  }

  launch(info: TaskInfo): void {
    const id = info.task_id.value;
    const running = this.#tasks.get(id);
    if (running && !isTerminal(running.task.state)) return this.refuse(info, 'TASK_ERROR');
    const task: FakeTask = { id, agentId: info.agent_id.value, info, state: 'TASK_STAGING' };
    this.#tasks.set(id, { task, unacknowledged: [] });
    this.launched.push(info);
    this.onLaunch(task);
  }

  refuse(info: TaskInfo, state: TaskState): void {
    const status: TaskStatus = {
      task_id: info.task_id,
      agent_id: info.agent_id,
      state,
      source: 'SOURCE_MASTER',
    };
    this.#parts.send({ type: 'UPDATE', update: { status } });
  }

  /** The agent reports a new state. */
  update(id: string, state: TaskState, more: Partial<TaskStatus> = {}): void {
    const entry = this.#tasks.get(id);
    if (!entry || isTerminal(entry.task.state)) return;
    const task = { ...entry.task, state };
    const status: TaskStatus = {
      task_id: { value: id },
      agent_id: { value: task.agentId },
      state,
      source: 'SOURCE_EXECUTOR',
      uuid: Buffer.from(systemRandom.bytes(16)).toString('base64'),
      container_status: { network_infos: [{ ip_addresses: [{ ip_address: '127.0.0.1' }] }] },
      ...more,
    };
    entry.unacknowledged.push(status);
    this.#tasks.set(id, { task, unacknowledged: entry.unacknowledged });
    if (isTerminal(state)) this.#parts.released(task);
    if (entry.unacknowledged.length === 1) this.#parts.send({ type: 'UPDATE', update: { status } });
  }

  /** The task is gone without a word (its agent was wiped). */
  vanish(id: string): void {
    const entry = this.#tasks.get(id);
    this.#tasks.delete(id);
    if (entry) this.#parts.released(entry.task);
  }

  kill(id: string): void {
    const task = this.get(id);
    if (task && !isTerminal(task.state)) this.onKill(task);
    else this.reconcile([{ task_id: { value: id } }], () => true);
  }

  acknowledge(id: string, uuid: string): void {
    const queue = this.#tasks.get(id)?.unacknowledged;
    if (queue?.[0]?.uuid !== uuid) return;
    queue.shift();
    const [next] = queue;
    if (next) this.#parts.send({ type: 'UPDATE', update: { status: next } });
  }

  /** Agents repeat what was not acknowledged. */
  resend(): void {
    for (const { unacknowledged } of this.#tasks.values())
      if (unacknowledged[0]) this.#parts.send({ type: 'UPDATE', update: { status: unacknowledged[0] } });
  }

  reconcile(
    asked: readonly { readonly task_id: Value; readonly agent_id?: Value }[],
    knowsAgent: (agentId: string) => boolean,
  ): void {
    const known = this.amnesia ? [] : this.alive();
    const wanted = asked.length > 0 ? asked : known.map((t) => ({ task_id: { value: t.id } }));
    for (const { task_id, agent_id } of wanted as typeof asked) {
      const task = this.amnesia ? undefined : this.get(task_id.value);
      const gone = agent_id !== undefined && knowsAgent(agent_id.value) ? 'TASK_GONE' : 'TASK_UNKNOWN';
      const status: TaskStatus = {
        task_id,
        ...(agent_id === undefined ? {} : { agent_id }),
        ...(task ? { agent_id: { value: task.agentId } } : {}),
        state: task?.state ?? gone,
        source: 'SOURCE_MASTER',
        reason: 'REASON_RECONCILIATION',
      };
      this.#parts.send({ type: 'UPDATE', update: { status } });
    }
  }
}
