import { idProblem } from '../../mesos/index.ts';
import type { AgentTask, FrameworkInfo, KillPolicy, TaskInfo } from '../../mesos/index.ts';
import type { RecoveredRun } from '../checkpoint/records.ts';
import { lostState, makeStatus } from '../updates/status.ts';
import type { StatusFacts } from '../updates/status.ts';
import { StatusUpdates } from '../updates/status-updates.ts';
import type { TaskContext } from './context.ts';
import { TaskRun } from './task-run.ts';

/** How many ended tasks are remembered for /state. */
const COMPLETED_KEPT = 200;

/** Ids hold no slash, so this is unique. */
const keyOf = (frameworkId: string, taskId: string): string => `${frameworkId}/${taskId}`;

/** Every task of this agent, by framework and id. */
export class Tasks {
  readonly #context: TaskContext;
  readonly #live = new Map<string, TaskRun>();
  readonly #completed: TaskRun[] = [];
  /** Answers about tasks that this agent does not have; not kept on disk, since the master asks again. */
  readonly #answers = new Map<string, StatusUpdates>();
  readonly #removals = new Set<Promise<void>>();
  #connected = false;
  #accepting = true;

  constructor(context: TaskContext) {
    this.#context = context;
  }

  /** Running, or ended and not yet acknowledged. */
  get live(): readonly TaskRun[] {
    return [...this.#live.values()];
  }

  get completed(): readonly TaskRun[] {
    return this.#completed;
  }

  get running(): number {
    return this.live.filter((run) => !run.over).length;
  }

  /** Take over what an earlier agent process left. Call once, before anything else. */
  async recover(runs: readonly RecoveredRun[]): Promise<void> {
    await Promise.all(
      runs.map(async ({ place, records, journal }) => {
        const launch = records[0];
        if (launch?.type !== 'LAUNCH') return;
        const run = new TaskRun(this.#context, place, launch.framework, launch.task, (r) => this.#closed(r));
        this.#live.set(keyOf(place.frameworkId, place.taskId), run);
        await run.recover(records, journal);
      }),
    );
  }

  /** Launch a task; one that is here already is not launched a second time. */
  run(agentId: string, framework: FrameworkInfo, task: TaskInfo): void {
    const { log, random } = this.#context;
    const frameworkId = framework.id?.value ?? '';
    const taskId = task.task_id.value;
    const problem = idProblem(frameworkId) ?? idProblem(taskId);
    if (problem !== undefined || !this.#accepting) {
      log.warn({ frameworkId, taskId, problem: problem ?? 'the agent is stopping' }, 'task refused');
      if (problem === undefined) {
        const state = lostState(framework, 'TASK_DROPPED');
        this.#answer(agentId, frameworkId, taskId, {
          state,
          reason: 'REASON_AGENT_DISCONNECTED',
          message: 'The agent is stopping',
        });
      }
      return;
    }
    const key = keyOf(frameworkId, taskId);
    if (this.#live.has(key)) {
      log.warn({ frameworkId, taskId }, 'task is here already; not launched a second time');
      return;
    }
    const place = { agentId, frameworkId, taskId, containerId: random.uuid() };
    log.info({ frameworkId, taskId, containerId: place.containerId }, 'launching task');
    const run = new TaskRun(this.#context, place, framework, task, (r) => this.#closed(r));
    this.#live.set(key, run);
    if (this.#connected) run.updates.resume();
    void run.start();
  }

  kill(agentId: string, frameworkId: string, taskId: string, policy: KillPolicy | undefined): void {
    const run = this.#live.get(keyOf(frameworkId, taskId));
    if (run) return run.kill({ graceMs: run.graceMs(policy), cause: 'kill' });
    const ended = this.#completed.some(
      (r) => r.place.frameworkId === frameworkId && r.place.taskId === taskId,
    );
    if (ended) return; // its end has been told and acknowledged
    const framework = this.#framework(frameworkId);
    if (!framework) {
      // as Mesos: without the framework nobody is there to be answered
      this.#context.log.warn({ frameworkId, taskId }, 'kill of a task of an unknown framework ignored');
      return;
    }
    this.#answer(agentId, frameworkId, taskId, {
      state: lostState(framework, 'TASK_GONE'),
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: 'Task is unknown to the agent',
    });
  }

  /** Tasks in which only the master believes: correct it. */
  unknown(
    agentId: string,
    tasks: readonly { readonly framework_id: { value: string }; readonly task_id: { value: string } }[],
  ): void {
    for (const t of tasks) {
      const [frameworkId, taskId] = [t.framework_id.value, t.task_id.value];
      if (this.#live.has(keyOf(frameworkId, taskId))) continue;
      const framework = this.#framework(frameworkId);
      this.#answer(agentId, frameworkId, taskId, {
        state: framework ? lostState(framework, 'TASK_GONE') : 'TASK_LOST',
        reason: 'REASON_RECONCILIATION',
        message: 'Task is unknown to the agent',
      });
    }
  }

  ack(frameworkId: string, taskId: string, uuid: string): void {
    const key = keyOf(frameworkId, taskId);
    void this.#live.get(key)?.updates.ack(uuid);
    void this.#answers.get(key)?.ack(uuid);
  }

  updateFramework(framework: FrameworkInfo): void {
    for (const run of this.live) if (run.place.frameworkId === framework.id?.value) run.framework = framework;
  }

  shutdownFramework(frameworkId: string): void {
    for (const run of this.live) {
      if (run.place.frameworkId !== frameworkId) continue;
      run.kill({ graceMs: run.graceMs(undefined), drainMs: 0, cause: 'kill' });
      run.discard();
    }
  }

  /** End all tasks at once and wait until each is gone. Nothing is launched from now on. */
  async killAll(): Promise<void> {
    this.#accepting = false;
    const runs = this.live;
    for (const run of runs) run.kill({ graceMs: run.graceMs(undefined), drainMs: 0, cause: 'agent-stop' });
    await Promise.all(runs.map((run) => run.ended));
  }

  /** A master is there: every head goes out. */
  resume(): void {
    this.#connected = true;
    for (const run of this.live) run.updates.resume();
    for (const answer of this.#answers.values()) answer.resume();
  }

  pause(): void {
    this.#connected = false;
    for (const run of this.live) run.updates.pause();
    for (const answer of this.#answers.values()) answer.pause();
  }

  /** For (re-)registration. */
  report(): { frameworks: FrameworkInfo[]; tasks: AgentTask[] } {
    const frameworks = new Map<string, FrameworkInfo>();
    const tasks: AgentTask[] = [];
    for (const run of this.live) {
      const { frameworkId } = run.place;
      frameworks.set(frameworkId, run.framework);
      const last = run.updates.lastSent;
      tasks.push({
        framework_id: { value: frameworkId },
        task: run.task,
        state: run.state,
        ...(last ? { last_status: last } : {}),
      });
    }
    return { frameworks: [...frameworks.values()], tasks };
  }

  /** Forget everything that has ended, acknowledged or not: the master has been told that this agent is over. */
  async wipeEnded(): Promise<void> {
    const over = this.live.filter((run) => run.over);
    for (const run of over) {
      await run.release();
      await this.#context.checkpoints.remove(run.place);
    }
  }

  async release(): Promise<void> {
    this.#accepting = false;
    this.pause();
    await Promise.all(this.live.map((run) => run.release()));
    await Promise.all(this.#removals);
  }

  #framework(id: string): FrameworkInfo | undefined {
    return [...this.#live.values(), ...this.#completed].find((run) => run.place.frameworkId === id)
      ?.framework;
  }

  #answer(agentId: string, frameworkId: string, taskId: string, facts: StatusFacts): void {
    const key = keyOf(frameworkId, taskId);
    if (this.#answers.has(key)) return;
    const { clock, retry, send } = this.#context;
    const updates = new StatusUpdates({
      clock,
      retry,
      journal: { append: async () => {}, close: async () => {} },
      send: (status, latest) => send(frameworkId, status, latest),
      onClosed: () => this.#answers.delete(key),
    });
    this.#answers.set(key, updates);
    if (this.#connected) updates.resume();
    void updates.update(makeStatus(this.#context, { taskId, agentId }, { source: 'SOURCE_AGENT', ...facts }));
  }

  #closed(run: TaskRun): void {
    const key = keyOf(run.place.frameworkId, run.place.taskId);
    if (this.#live.get(key) === run) this.#live.delete(key);
    this.#completed.push(run);
    if (this.#completed.length > COMPLETED_KEPT) this.#completed.shift();
    const removal = this.#context.checkpoints
      .remove(run.place)
      .catch((error: unknown) => this.#context.log.error({ error, ...run.place }, 'checkpoint not removed'))
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }
}
