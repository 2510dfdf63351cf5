import { errorText } from '../../core/errors.ts';
import type { Timer } from '../../core/clock.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { FrameworkInfo, TaskInfo, TaskState, TaskStatus } from '../../mesos/index.ts';
import type { Journal, JournalRecord, KillCause, LaunchRecord, RunPlace } from '../checkpoint/records.ts';
import { CHECKPOINT_VERSION } from '../checkpoint/records.ts';
import { CONTAINER_VARIABLE } from '../launcher/launcher.ts';
import type { ExitStatus, Handle, LaunchCheckpoint } from '../launcher/launcher.ts';
import { hasCapability, lostState, makeStatus, terminalFacts } from '../updates/status.ts';
import type { StatusFacts } from '../updates/status.ts';
import { StatusUpdates } from '../updates/status-updates.ts';
import { commandArgv, commandProblem } from './command.ts';
import type { TaskContext } from './context.ts';
import { taskEnvironment } from './environment.ts';
import { startHealthChecker } from './health-checker.ts';
import { planKill } from './kill-plan.ts';
import type { KillPlan } from './kill-plan.ts';

/** Whole-number fields may come as text on the wire (mesos-api.md §0.2). What is no length of time is left out. */
function toMs(duration: { readonly nanoseconds: number | string } | undefined): number | undefined {
  const ms = Number(duration?.nanoseconds ?? Number.NaN) / 1e6;
  return ms >= 0 ? ms : undefined;
}

/** One run of one task, from its acceptance to the acknowledgement of its end. */
export class TaskRun {
  readonly place: RunPlace;
  readonly task: TaskInfo;
  readonly updates: StatusUpdates;
  readonly sandbox: string;
  /** Resolves when the task has ended and its terminal status is on its way. */
  readonly ended: Promise<void>;
  framework: FrameworkInfo;
  readonly #context: TaskContext;
  readonly #onClosed: (run: TaskRun) => void;
  readonly #launchAborted = new AbortController();
  #resolveEnded: () => void = () => {};
  #journal: Journal | undefined;
  #launched: LaunchCheckpoint | undefined;
  #handle: Handle | undefined;
  #cause: KillCause | undefined;
  #plan: KillPlan | undefined;
  #health: { stop(): void } | undefined;
  #timers: { term?: Timer; completion?: Timer } = {};
  #discarded = false;

  /** `onClosed`: the end has been acknowledged (or nobody is left to do so). */
  constructor(
    context: TaskContext,
    place: RunPlace,
    framework: FrameworkInfo,
    task: TaskInfo,
    onClosed: (run: TaskRun) => void,
  ) {
    this.#context = context;
    this.place = place;
    this.framework = framework;
    this.task = task;
    this.sandbox = context.checkpoints.sandboxDir(place);
    this.#onClosed = onClosed;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.updates = new StatusUpdates({
      clock: context.clock,
      retry: context.retry,
      journal: { append: (record) => this.#persist(record), close: async () => {} },
      send: (status, latest) => context.send(place.frameworkId, status, latest),
      onClosed: () => this.#close(),
    });
  }

  get state(): TaskState {
    return this.updates.latest?.state ?? 'TASK_STAGING';
  }

  /** The process of the container, while there is one. */
  get checkpoint(): LaunchCheckpoint | undefined {
    return this.#handle?.checkpoint;
  }

  get over(): boolean {
    return isTerminal(this.state);
  }

  /** Accept and launch. Never rejects: what goes wrong becomes the task's terminal status. */
  async start(): Promise<void> {
    const { checkpoints, clock, metrics } = this.#context;
    const launch: LaunchRecord = {
      type: 'LAUNCH',
      version: CHECKPOINT_VERSION,
      agentId: this.place.agentId,
      containerId: this.place.containerId,
      framework: this.framework,
      task: this.task,
      at: clock.now(),
    };
    try {
      this.#journal = await checkpoints.create(this.place, launch);
      const problem = commandProblem(this.task);
      if (problem !== undefined) throw new Error(problem);
      const handle = await this.#launch();
      metrics.launches++;
      this.#follow(handle, launch.at);
    } catch (error) {
      if (this.#cause === undefined) metrics.launchErrors++;
      await this.#finish(
        this.#cause === undefined
          ? {
              state: 'TASK_FAILED',
              source: 'SOURCE_AGENT',
              reason: 'REASON_CONTAINER_LAUNCH_FAILED',
              message: errorText(error),
            }
          : {
              state: 'TASK_KILLED',
              source: 'SOURCE_AGENT',
              reason: 'REASON_TASK_KILLED_DURING_LAUNCH',
              message: 'Task killed during launch',
            },
      );
    }
  }

  /** Pick up where an earlier agent process stopped. Never rejects. */
  async recover(records: readonly JournalRecord[], journal: Journal): Promise<void> {
    this.#journal = journal;
    this.updates.replay(records);
    if (this.updates.closed) return this.#close();
    if (this.over) return this.#resolveEnded();
    const kill = records.findLast((r) => r.type === 'KILL');
    this.#cause = kill?.cause;
    const forked = records.find((r) => r.type === 'FORKED');
    if (!forked)
      return this.#lost('TASK_DROPPED', 'REASON_AGENT_RESTARTED', 'Task launched during agent restart');
    const found = await this.#context.launcher.reattach(forked.checkpoint);
    if (typeof found === 'string') {
      this.#launched = forked.checkpoint;
      const message = 'The task ended while its agent was away; its exit status is lost';
      return this.#lost('TASK_GONE', 'REASON_EXECUTOR_TERMINATED', message);
    }
    this.#launched = found.checkpoint;
    if (this.state === 'TASK_STAGING') await this.#tell({ state: 'TASK_STARTING' });
    const launch = records[0];
    this.#follow(found, launch?.type === 'LAUNCH' ? launch.at : this.#context.clock.now());
    if (kill) this.kill({ graceMs: kill.graceMs, drainMs: 0, cause: kill.cause });
  }

  /** End the task. A repeated kill may only shorten; the first cause stays. */
  kill(request: { readonly graceMs: number; readonly drainMs?: number; readonly cause: KillCause }): void {
    if (this.over) return;
    const first = this.#cause === undefined;
    this.#cause ??= request.cause;
    this.#health?.stop();
    const { clock, killDrainMs } = this.#context;
    const tells = hasCapability(this.framework, 'TASK_KILLING_STATE') && request.cause !== 'agent-stop';
    if (first) {
      // what the journal says of a kill, a recovered agent goes on with; losing it loses only the reason
      void this.#persist({ type: 'KILL', graceMs: request.graceMs, cause: request.cause }).catch(() => {});
      this.#launchAborted.abort();
      if (tells && this.#handle) void this.#tell({ state: 'TASK_KILLING', ...this.#unhealthy() });
    }
    const watched = (this.task.discovery?.ports?.ports?.length ?? 0) > 0;
    this.#plan = planKill(this.#plan, clock.monotonic(), {
      graceMs: request.graceMs,
      drainMs: request.drainMs ?? (tells && watched ? killDrainMs : 0),
    });
    this.#execute();
  }

  /** How long SIGTERM may take: the kill's word, then the task's, then the agent's (mesos-api.md §2.6). */
  graceMs(policy: { readonly grace_period?: { readonly nanoseconds: number } } | undefined): number {
    const grace = policy?.grace_period ?? this.task.kill_policy?.grace_period;
    return toMs(grace) ?? this.#context.killGraceMs;
  }

  /** The framework is gone: nobody will acknowledge, so the end of the task closes it. */
  discard(): void {
    this.#discarded = true;
    if (this.over) this.#closeUnheard();
  }

  /** Let go without ending anything: timers stop, files close, the task runs on. */
  async release(): Promise<void> {
    this.#stopTimers();
    this.updates.pause();
    await this.#journal?.close();
    this.#journal = undefined;
  }

  async #launch(): Promise<Handle> {
    const { checkpoints, fetcher, launcher } = this.#context;
    const signal = this.#launchAborted.signal;
    await checkpoints.createSandbox(this.place);
    await fetcher.fetch(this.task.command?.uris ?? [], this.sandbox, signal);
    signal.throwIfAborted();
    const spec = {
      containerId: this.place.containerId,
      argv: commandArgv(this.task.command ?? {}),
      environment: this.#environment(),
      sandbox: this.sandbox,
      runtimeDir: checkpoints.runtimeDir(this.place),
    };
    return launcher.launch(spec, async (checkpoint) => {
      await this.#append({ type: 'FORKED', checkpoint });
      this.#launched = checkpoint;
      await this.#tell({ state: 'TASK_STARTING' });
      signal.throwIfAborted();
    });
  }

  #environment(): Record<string, string> {
    const { environment, taskEnvironment: configured, address } = this.#context;
    return taskEnvironment({
      agent: environment,
      configured,
      command: this.task.command,
      frameworkId: this.place.frameworkId,
      taskId: this.place.taskId,
      agentId: this.place.agentId,
      sandbox: this.sandbox,
      role: this.task.resources.find((r) => r.allocation_info)?.allocation_info?.role,
      address,
    });
  }

  /** The command runs: tell it, watch it. */
  #follow(handle: Handle, launchedAt: number): void {
    this.#handle = handle;
    const { clock, probe } = this.#context;
    if (this.state === 'TASK_STARTING') void this.#tell({ state: 'TASK_RUNNING' });
    void handle.exited.then((exit) => this.#exited(exit));
    const maxMs = toMs(this.task.max_completion_time);
    if (maxMs !== undefined) {
      const left = Math.max(0, launchedAt + maxMs - clock.now());
      this.#timers.completion = clock.after(left, () =>
        this.kill({ graceMs: 0, drainMs: 0, cause: 'max-completion-time' }),
      );
    }
    const check = this.task.health_check;
    if (check && this.#cause === undefined) {
      const environment = { ...this.#environment(), [CONTAINER_VARIABLE]: this.place.containerId };
      const context = { environment, sandbox: this.sandbox };
      const listener = {
        changed: (healthy: boolean) =>
          void this.#tell({
            state: 'TASK_RUNNING',
            healthy,
            reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED',
          }),
        unhealthy: () => this.kill({ graceMs: this.graceMs(undefined), cause: 'unhealthy' }),
      };
      this.#health = startHealthChecker(check, context, { clock, probe, listener });
    }
    if (this.#plan) this.#execute(); // a kill came between the start and now
  }

  #execute(): void {
    const { clock, launcher } = this.#context;
    const [handle, plan] = [this.#handle, this.#plan];
    if (!handle || !plan) return;
    this.#timers.term?.cancel();
    const end = (): void => void launcher.kill(handle, Math.max(0, plan.killAt - clock.monotonic()));
    const wait = plan.termAt - clock.monotonic();
    if (wait <= 0) end();
    else this.#timers.term = clock.after(wait, end);
  }

  #exited(exit: ExitStatus): Promise<void> {
    return this.#finish(terminalFacts(this.framework, exit, this.#cause));
  }

  #lost(finer: 'TASK_GONE' | 'TASK_DROPPED', reason: string, message: string): Promise<void> {
    const state = this.#cause === undefined ? lostState(this.framework, finer) : 'TASK_KILLED';
    return this.#finish({ state, source: 'SOURCE_AGENT', reason, message });
  }

  async #finish(facts: StatusFacts): Promise<void> {
    this.#stopTimers();
    const { metrics, log } = this.#context;
    await this.#tell(facts);
    metrics.ended.set(facts.state, (metrics.ended.get(facts.state) ?? 0) + 1);
    const { frameworkId, taskId } = this.place;
    log.info(
      { frameworkId, taskId, state: facts.state, reason: facts.reason, message: facts.message },
      'task ended',
    );
    this.#resolveEnded();
    if (this.#discarded) this.#closeUnheard();
  }

  /** Nobody acknowledges for a framework that is gone, but the master shall know the end: it is sent once. */
  #closeUnheard(): void {
    const last = this.updates.latest;
    if (last) this.#context.send(this.place.frameworkId, last, last.state);
    this.#close();
  }

  #unhealthy(): { healthy?: false } {
    return this.#cause === 'unhealthy' ? { healthy: false } : {};
  }

  #tell(facts: StatusFacts): Promise<void> {
    return this.updates.update(this.#status(facts));
  }

  #status(facts: StatusFacts): TaskStatus {
    const { advertiseIp } = this.#context;
    const protocol = advertiseIp.includes(':') ? ('IPv6' as const) : ('IPv4' as const);
    const { taskId, agentId, containerId } = this.place;
    return makeStatus(
      this.#context,
      {
        taskId,
        agentId,
        executorId: taskId,
        container: {
          container_id: { value: containerId },
          network_infos: [{ ip_addresses: [{ protocol, ip_address: advertiseIp }] }],
          ...(this.#launched ? { executor_pid: this.#launched.pid } : {}),
        },
      },
      facts,
    );
  }

  #append(record: JournalRecord): Promise<void> {
    return this.#journal?.append(record) ?? Promise.resolve();
  }

  /** A fact about a task that exists is told even if the disk refuses it: a full disk must not hide a death. */
  async #persist(record: JournalRecord): Promise<void> {
    try {
      await this.#append(record);
    } catch (error) {
      this.#context.metrics.checkpointErrors++;
      this.#context.log.error(
        { error, ...this.place, record: record.type },
        'a fact could not be written to disk',
      );
    }
  }

  #stopTimers(): void {
    this.#health?.stop();
    this.#timers.term?.cancel();
    this.#timers.completion?.cancel();
  }

  #close(): void {
    this.#stopTimers();
    this.updates.pause();
    const journal = this.#journal;
    this.#journal = undefined;
    this.#resolveEnded();
    void (journal?.close() ?? Promise.resolve()).finally(() => this.#onClosed(this));
  }
}
