import { idProblem } from '../../mesos/index.ts';
import type {
  AgentExecutor,
  AgentTask,
  DrainConfig,
  ExecutorInfo,
  FrameworkInfo,
  KillPolicy,
  TaskInfo,
} from '../../mesos/index.ts';
import type { LaunchRecord, RecoveredRun, RunPlace } from '../checkpoint/records.ts';
import { ApiContainers } from '../containers/containers.ts';
import { commandExecutor } from '../executors/command-executor.ts';
import type { ExecutorView } from '../executors/executor.ts';
import { Executors } from '../executors/executors.ts';
import { History } from '../history/history.ts';
import { lostState, makeStatus } from '../updates/status.ts';
import type { StatusFacts } from '../updates/status.ts';
import { StatusUpdates } from '../updates/status-updates.ts';
import type { TaskContext } from './context.ts';
import { Draining } from './draining.ts';
import { queuedReportOf, reportOf } from './report.ts';
import { ownHome } from './task-home.ts';
import { TaskRun } from './task-run.ts';
import type { TaskView } from './task-view.ts';

/** Ids hold no slash, so this is unique. */
const keyOf = (frameworkId: string, taskId: string): string => `${frameworkId}/${taskId}`;

/** Every task of this agent: command tasks, and those of executors. */
export class Tasks {
  /** Those that frameworks know of: command tasks have none of theirs. */
  readonly executors: Executors;
  readonly draining: Draining;
  /** What clients of the API have launched beside them. */
  readonly containers: ApiContainers | undefined;
  readonly #context: TaskContext;
  readonly #live = new Map<string, TaskRun>();
  readonly #history: History;
  /** Answers about tasks that this agent does not have; not kept on disk, since the master asks again. */
  readonly #answers = new Map<string, StatusUpdates>();
  /** By task: checkpoints that are being put away. */
  readonly #removals = new Map<string, Promise<void>>();
  #connected = false;
  #accepting = true;

  constructor(context: TaskContext) {
    const draining = (): boolean => this.draining.config !== undefined;
    this.#context = { ...context, draining };
    this.#history = new History(context, (frameworkId) =>
      [...this.live, ...this.executors.all].some(({ place }) => place.frameworkId === frameworkId),
    );
    this.executors = new Executors(this.#context, this.#history, (...answer) => this.#answer(...answer));
    const { containerFiles } = context;
    this.containers = containerFiles && new ApiContainers(context, containerFiles, () => this.executorViews);
    this.draining = new Draining({ ...context, endTasks: (withinMs) => this.#drain(withinMs) });
  }

  /** Command tasks that run, or have ended and are not yet acknowledged. */
  get live(): readonly TaskRun[] {
    return [...this.#live.values()];
  }

  /** Tasks of all kinds that run, or have ended and are not yet acknowledged. */
  get all(): readonly TaskView[] {
    return [...this.#live.values(), ...this.executors.all.flatMap(({ tasks }) => tasks)];
  }

  /** Every executor, also those that only the API knows. */
  get executorViews(): readonly ExecutorView[] {
    return [...this.live.map(commandExecutor), ...this.executors.all];
  }

  get completedViews(): readonly ExecutorView[] {
    return this.#history.executors;
  }

  get running(): number {
    return this.all.filter((task) => !task.over).length;
  }

  /** Take over what an earlier agent process left. Call once, before anything else. */
  async recover(runs: readonly RecoveredRun[]): Promise<void> {
    await this.draining.recover();
    await this.#history.recover();
    const commands = runs.map(async ({ place, records, journal }) => {
      const launch = records[0];
      if (launch?.type !== 'LAUNCH') return;
      const run = this.#make(place, launch);
      const recovered = run.recover(records, journal);
      // an earlier run of its id may still lie there: it must not stand in the place of the later one
      if (!run.updates.closed) this.#live.set(keyOf(place.frameworkId, run.place.taskId), run);
      await recovered;
    });
    await Promise.all([...commands, this.executors.recover(runs)]);
    this.draining.goOn();
  }

  /**
   * Undefined when these ids can be launched now. A framework may use an id again as soon as it has acknowledged its end;
   * the promise resolves when what is left of the earlier run has been put away, on disk too: two runs with the same id
   * would be one and the same to whoever recovers them.
   */
  freed(frameworkId: string, taskIds: readonly string[]): Promise<void> | undefined {
    const waits = taskIds.flatMap((taskId) => {
      const key = keyOf(frameworkId, taskId);
      const earlier: TaskView | undefined = this.#live.get(key) ?? this.executors.task(frameworkId, taskId);
      if (earlier?.updates.leaving === true) return [earlier.closed.then(() => this.#removals.get(key))];
      return this.#removals.get(key) ?? [];
    });
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => {});
  }

  /** Launch a task; one that is here already is not launched a second time. */
  run(agentId: string, framework: FrameworkInfo, task: TaskInfo): void {
    const { log, random, clock } = this.#context;
    const frameworkId = framework.id?.value ?? '';
    const taskId = task.task_id.value;
    const problem = idProblem(frameworkId) ?? idProblem(taskId);
    if (problem !== undefined) return log.warn({ frameworkId, taskId, problem }, 'task refused');
    if (this.#isNoneToRun(agentId, framework, [task])) return;
    const place = { agentId, frameworkId, executorId: taskId, containerId: random.uuid() };
    log.info({ frameworkId, taskId, containerId: place.containerId }, 'launching task');
    const run = this.#make(place, { framework, task, at: clock.now() });
    this.#live.set(keyOf(frameworkId, taskId), run);
    if (this.#connected) run.updates.resume();
    void run.start();
  }

  /** Give tasks to an executor of the framework, as a group or one by one. `launch`: it may be started for them. */
  runInExecutor(
    agentId: string,
    framework: FrameworkInfo,
    executor: ExecutorInfo,
    tasks: readonly TaskInfo[],
    options: { readonly group: boolean; readonly launch: boolean },
  ): void {
    if (this.#isNoneToRun(agentId, framework, tasks)) return;
    this.executors.run({ agentId, framework, executor, tasks, ...options });
  }

  /** Whether these must not be launched: the agent is stopping or being drained (which is answered), or one of them is here already. */
  #isNoneToRun(agentId: string, framework: FrameworkInfo, tasks: readonly TaskInfo[]): boolean {
    const frameworkId = framework.id?.value ?? '';
    const here = tasks.find(({ task_id }) => this.#has(frameworkId, task_id.value));
    if (here) {
      const taskId = here.task_id.value;
      this.#context.log.warn({ frameworkId, taskId }, 'task is here already; not launched a second time');
      return true;
    }
    const draining = this.#context.draining?.() ?? false;
    if (this.#accepting && !draining) return false;
    const state = lostState(framework, 'TASK_DROPPED');
    for (const { task_id } of tasks)
      this.#answer(agentId, frameworkId, task_id.value, {
        state,
        reason: draining ? 'REASON_AGENT_DRAINING' : 'REASON_AGENT_DISCONNECTED',
        message: draining ? 'The agent is being drained' : 'The agent is stopping',
      });
    return true;
  }

  #has(frameworkId: string, taskId: string): boolean {
    return this.#live.has(keyOf(frameworkId, taskId)) || this.executors.has(frameworkId, taskId);
  }

  #make(place: RunPlace, launch: Pick<LaunchRecord, 'framework' | 'task' | 'at'>): TaskRun {
    const taskPlace = { ...place, taskId: launch.task.task_id.value };
    const home = ownHome(this.#context.checkpoints, taskPlace, launch);
    const { framework, task } = launch;
    return new TaskRun(this.#context, taskPlace, home, framework, task, (r) => this.#closed(r));
  }

  kill(agentId: string, frameworkId: string, taskId: string, policy: KillPolicy | undefined): void {
    const run = this.#live.get(keyOf(frameworkId, taskId));
    if (run) return run.kill({ graceMs: run.graceMs(policy), cause: 'kill' });
    if (this.executors.kill(frameworkId, taskId, policy)) return;
    const past = this.executors.all.flatMap((e) => e.completed);
    const ended = past.some(({ place }) => place.frameworkId === frameworkId && place.taskId === taskId);
    if (ended || this.#history.hasTask(frameworkId, taskId)) return; // its end has been told and acknowledged
    const framework = this.framework(frameworkId);
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
      if (this.#has(frameworkId, taskId)) continue;
      const framework = this.framework(frameworkId);
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
    this.executors.ack(frameworkId, taskId, uuid);
    void this.#answers.get(key)?.ack(uuid);
  }

  updateFramework(framework: FrameworkInfo): void {
    for (const run of this.live) if (run.place.frameworkId === framework.id?.value) run.framework = framework;
    this.executors.updateFramework(framework);
  }

  shutdownFramework(frameworkId: string): void {
    for (const run of this.live) {
      if (run.place.frameworkId !== frameworkId) continue;
      run.kill({ graceMs: run.graceMs(undefined), drainMs: 0, cause: 'kill' });
      run.discard();
    }
    this.executors.shutdownFramework(frameworkId);
  }

  /** End all tasks at once and wait until each is gone. Nothing is launched from now on. */
  async killAll(): Promise<void> {
    this.#accepting = false;
    const runs = this.live;
    for (const run of runs) run.kill({ graceMs: run.graceMs(undefined), drainMs: 0, cause: 'agent-stop' });
    await Promise.all([
      ...runs.map((run) => run.ended),
      this.executors.killAll(),
      this.containers?.killAll(),
    ]);
  }

  /** End all tasks, each within its own grace period and this time. What frameworks see of it is a kill. */
  #drain(withinMs: number): void {
    for (const run of this.live) run.kill({ graceMs: run.graceMs(undefined), withinMs, cause: 'kill' });
    const { killGraceMs } = this.#context;
    for (const { place, tasks, queued } of this.executors.all) {
      const infos = [...tasks.filter(({ over }) => !over).map(({ task }) => task), ...queued];
      for (const { task_id, kill_policy } of infos) {
        const own = kill_policy?.grace_period?.nanoseconds ?? killGraceMs * 1e6;
        const grace_period = { nanoseconds: Math.min(own, withinMs * 1e6) };
        this.executors.kill(place.frameworkId, task_id.value, { grace_period });
      }
    }
  }

  /** A master is there: every head goes out. */
  resume(): void {
    this.#connected = true;
    for (const run of this.live) run.updates.resume();
    this.executors.resume();
    for (const answer of this.#answers.values()) answer.resume();
  }

  pause(): void {
    this.#connected = false;
    for (const run of this.live) run.updates.pause();
    this.executors.pause();
    for (const answer of this.#answers.values()) answer.pause();
  }

  /** For (re-)registration. */
  report(): {
    frameworks: FrameworkInfo[];
    tasks: AgentTask[];
    executors: AgentExecutor[];
    drain_config?: DrainConfig;
  } {
    const frameworks = new Map<string, FrameworkInfo>();
    // whose end is acknowledged is over for the master, which may have given its id to another task by now
    const known = this.live.filter((run) => !run.updates.leaving);
    const tasks = known.map(reportOf);
    for (const run of known) frameworks.set(run.place.frameworkId, run.framework);
    for (const { place, framework, tasks: given, queued } of this.executors.all) {
      frameworks.set(place.frameworkId, framework);
      const executor_id = { value: place.executorId };
      tasks.push(...given.map((task) => ({ ...reportOf(task), executor_id })));
      tasks.push(...queued.map((task) => ({ ...queuedReportOf(place.frameworkId, task), executor_id })));
    }
    const executors = this.executors.live.map(({ place, info }) => ({
      framework_id: { value: place.frameworkId },
      executor_info: info,
    }));
    const { config } = this.draining;
    const drain = config && { drain_config: config };
    return { frameworks: [...frameworks.values()], tasks, executors, ...drain };
  }

  /** Forget everything that has ended, acknowledged or not: the master has been told that this agent is over. */
  async wipeEnded(): Promise<void> {
    const over = this.live.filter((run) => run.over);
    for (const run of over) {
      await run.release();
      await this.#context.checkpoints.remove(run.place);
    }
    await this.executors.wipeEnded();
    await Promise.all(this.#removals.values());
    await this.#history.forgetOnDisk();
  }

  async release(): Promise<void> {
    this.#accepting = false;
    this.pause();
    this.containers?.release();
    await Promise.all([...this.live.map((run) => run.release()), this.executors.release()]);
    await Promise.all([...this.#removals.values(), this.draining.settled()]);
    await this.#history.settled();
  }

  /** What is known of a framework that has something here, or had. */
  framework(id: string): FrameworkInfo | undefined {
    const live = [...this.#live.values(), ...this.executors.all];
    return live.find(({ place }) => place.frameworkId === id)?.framework ?? this.#history.framework(id);
  }

  #answer(agentId: string, frameworkId: string, taskId: string, facts: StatusFacts): void {
    const key = keyOf(frameworkId, taskId);
    if (this.#answers.has(key)) return;
    const { clock, retry, send } = this.#context;
    const updates = new StatusUpdates({
      clock,
      retry,
      journal: { append: async () => {} },
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
    const kept = this.#history.add(commandExecutor(run)).finally(() => this.#removals.delete(key));
    this.#removals.set(key, kept);
  }
}
