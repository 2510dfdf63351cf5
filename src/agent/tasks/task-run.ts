import { errorText } from '../../core/errors.ts';
import type { Timer } from '../../core/clock.ts';
import { isTerminal } from '../../mesos/index.ts';
import type { FrameworkInfo, TaskInfo, TaskState, TaskStatus } from '../../mesos/index.ts';
import type { Journal, JournalRecord, KillCause, TaskPlace } from '../checkpoint/records.ts';
import type { ContainerView } from '../executors/executor.ts';
import type { ExitStatus, Handle, LaunchCheckpoint, Limitation } from '../launcher/launcher.ts';
import { hasCapability, lostState, makeStatus, terminalFacts } from '../updates/status.ts';
import type { StatusFacts } from '../updates/status.ts';
import { StatusUpdates } from '../updates/status-updates.ts';
import { makeVolumes, removeSecretFiles } from '../volumes/volumes.ts';
import { Checks } from './checks.ts';
import { commandProblem } from './command.ts';
import { containerStatusOf } from './container-status.ts';
import type { TaskContext } from './context.ts';
import { toMs } from './duration.ts';
import { planKill } from './kill-plan.ts';
import type { KillPlan, KillRequest } from './kill-plan.ts';
import { launchSpec } from './launch-spec.ts';
import { TaskEnvironment } from './task-environment.ts';
import type { TaskHome } from './task-home.ts';
import type { TaskView } from './task-view.ts';
import { untilAborted } from './until-aborted.ts';
import { Wiring } from './wiring.ts';

/** One run of one task, from its acceptance to the acknowledgement of its end. */
export class TaskRun implements TaskView {
  readonly place: TaskPlace;
  readonly task: TaskInfo;
  readonly updates: StatusUpdates;
  readonly sandbox: string;
  /** Resolves when the task has ended and its terminal status is on its way. */
  readonly ended: Promise<void>;
  readonly closed: Promise<void>;
  framework: FrameworkInfo;
  readonly #context: TaskContext;
  readonly #home: TaskHome;
  readonly #onClosed: (run: TaskRun) => void;
  readonly #launchAborted = new AbortController();
  readonly #wiring: Wiring;
  readonly #environment: TaskEnvironment;
  #resolveEnded: () => void = () => {};
  readonly #closing = Promise.withResolvers<void>();
  #journal: Journal | undefined;
  #launched: LaunchCheckpoint | undefined;
  #handle: Handle | undefined;
  /** Why it is being ended, where the launcher does not watch that. */
  #limitation: Limitation | undefined;
  #cause: KillCause | undefined;
  #plan: KillPlan | undefined;
  readonly #checks: Checks;
  #timers: { term?: Timer; completion?: Timer } = {};
  #discarded = false;

  /** `onClosed`: the end has been acknowledged (or nobody is left to do so). */
  constructor(
    context: TaskContext,
    place: TaskPlace,
    home: TaskHome,
    framework: FrameworkInfo,
    task: TaskInfo,
    onClosed: (run: TaskRun) => void,
  ) {
    this.#context = context;
    this.place = place;
    this.#home = home;
    this.framework = framework;
    this.task = task;
    this.sandbox = home.sandbox;
    this.#onClosed = onClosed;
    this.#wiring = new Wiring(context, place, framework, task);
    this.#environment = new TaskEnvironment(context, place, framework, task);
    this.#checks = new Checks(task.check);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.closed = this.#closing.promise;
    this.updates = new StatusUpdates({
      clock: context.clock,
      retry: context.retry,
      journal: { append: (record) => this.#persist(record) },
      send: (status, latest) => context.send(place.frameworkId, status, latest),
      onClosed: () => this.#close(),
    });
  }

  get state(): TaskState {
    return this.updates.latest?.state ?? 'TASK_STAGING';
  }

  /** The container, while there is one. */
  get container(): ContainerView | undefined {
    const handle = this.#handle;
    if (!handle || this.over) return undefined;
    const { containerId, pid } = handle.checkpoint;
    const { resources, limits } = this.task;
    const { launcher } = this.#context;
    const endOverLimit = (limitation: Limitation): void => {
      this.#limitation ??= limitation;
      void launcher.kill(handle, 0);
    };
    const { exited: ended } = handle;
    return { containerId, pid, resources, limits, usage: () => launcher.usage(handle), endOverLimit, ended };
  }

  get over(): boolean {
    return isTerminal(this.state);
  }

  /** Accept and launch. Never rejects: what goes wrong becomes the task's terminal status. */
  async start(): Promise<void> {
    const { clock, metrics } = this.#context;
    const at = clock.now();
    try {
      this.#journal = await this.#home.open();
      const problem = commandProblem(this.task, this.#context.launcher);
      if (problem !== undefined) throw new Error(problem);
      const handle = await this.#launch();
      metrics.launches++;
      this.#follow(handle, at);
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
    if (this.updates.closed) {
      this.#close();
      return this.closed;
    }
    if (this.over) {
      await this.#environment.releaseIdentity(this.sandbox); // what the earlier one did not come to
      return this.#resolveEnded();
    }
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
    this.#wiring.recall(records);
    if (this.task.health_check ?? this.task.check)
      await this.#environment.lookUp().catch((error: unknown) => this.#warn(error, 'checks lack a secret'));
    void this.#environment
      .provideIdentity(this.sandbox)
      .catch((error: unknown) => this.#warn(error, 'a task waits for its identity'))
      .then(() => this.#wiring.reopen());
    if (this.state === 'TASK_STAGING') await this.#tell({ state: 'TASK_STARTING' });
    const launch = records[0];
    this.#follow(found, launch?.type === 'LAUNCH' ? launch.at : this.#context.clock.now());
    if (kill) this.kill({ graceMs: kill.graceMs, drainMs: 0, cause: kill.cause });
  }

  /** End the task. A repeated kill may only shorten; the first cause stays. */
  kill(request: Partial<KillRequest> & Pick<KillRequest, 'graceMs'> & { readonly cause: KillCause }): void {
    if (this.over) return;
    const first = this.#cause === undefined;
    this.#cause ??= request.cause;
    this.#checks.stop();
    const { clock, killDrainMs } = this.#context;
    const tells = hasCapability(this.framework, 'TASK_KILLING_STATE') && request.cause !== 'agent-stop';
    if (first) {
      // what the journal says of a kill, a recovered agent goes on with; losing it loses only the reason
      void this.#persist({ type: 'KILL', graceMs: request.graceMs, cause: request.cause }).catch(() => {});
      this.#launchAborted.abort();
      if (tells && this.#handle) void this.#tell({ state: 'TASK_KILLING', ...this.#unhealthy() });
    }
    const watched = (this.task.discovery?.ports?.ports?.length ?? 0) > 0;
    const drainMs = request.drainMs ?? (tells && watched ? killDrainMs : 0);
    this.#plan = planKill(this.#plan, clock.monotonic(), { ...request, drainMs });
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
    this.#wiring.release();
    this.updates.pause();
    await this.#journal?.close();
    this.#journal = undefined;
  }

  async #launch(): Promise<Handle> {
    const { fetcher, launcher } = this.#context;
    const signal = this.#launchAborted.signal;
    await this.#home.createSandbox();
    const { command, container } = this.task;
    await this.#environment.lookUp();
    await fetcher.fetch(command?.uris ?? [], this.sandbox, signal, this.#environment.user);
    signal.throwIfAborted();
    const mounts = await makeVolumes(container, this.#home, this.#context.secrets);
    signal.throwIfAborted();
    await untilAborted(this.#environment.provideIdentity(this.sandbox), signal);
    const wired = this.#wiring.begin((wiring) => this.#append({ type: 'WIRED', wiring }));
    await untilAborted(wired, signal);
    const spec = launchSpec({
      containerId: this.place.containerId,
      framework: this.framework,
      command,
      container,
      resources: this.task.resources,
      limits: this.task.limits,
      environment: this.#wholeEnvironment(),
      sandbox: this.sandbox,
      runtimeDir: this.#home.runtimeDir,
      mounts,
      switchUser: this.#context.switchUser,
      signal,
      progress: (text) => this.#context.log.debug({ text, ...this.place }, 'launching'),
    });
    return launcher.launch(spec, async (checkpoint) => {
      await this.#append({ type: 'FORKED', checkpoint });
      this.#launched = checkpoint;
      await untilAborted(this.#wiring.enter(checkpoint.group), signal);
      await this.#tell({ state: 'TASK_STARTING' });
      signal.throwIfAborted();
    });
  }

  #wholeEnvironment(): Record<string, string> {
    return this.#wiring.environment(this.#environment.whole(this.sandbox));
  }

  /** The command runs: tell it, watch it. */
  #follow(handle: Handle, launchedAt: number): void {
    this.#handle = handle;
    const { clock } = this.#context;
    if (this.state === 'TASK_STARTING') void this.#tell({ state: 'TASK_RUNNING' });
    void handle.exited.then((exit) => this.#exited(exit));
    const maxMs = toMs(this.task.max_completion_time);
    if (maxMs !== undefined) {
      const left = Math.max(0, launchedAt + maxMs - clock.now());
      this.#timers.completion = clock.after(left, () =>
        this.kill({ graceMs: 0, drainMs: 0, cause: 'max-completion-time' }),
      );
    }
    if (this.#cause === undefined) this.#startChecks(handle);
    if (this.#plan) this.#execute(); // a kill came between the start and now
  }

  #startChecks(handle: Handle): void {
    this.#checks.start(this.#context, {
      handle,
      health: this.#wiring.check(this.task.health_check),
      check: this.#wiring.check(this.task.check),
      environment: this.#wholeEnvironment(),
      sandbox: this.sandbox,
      tell: (facts) => void this.#tell(facts),
      unhealthy: () => this.kill({ graceMs: this.graceMs(undefined), cause: 'unhealthy' }),
    });
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
    const limitation = this.#limitation;
    const whole = limitation ? { kind: 'signaled' as const, signal: 9, limitation } : exit;
    return this.#finish(terminalFacts(this.framework, whole, this.#cause));
  }

  #lost(finer: 'TASK_GONE' | 'TASK_DROPPED', reason: string, message: string): Promise<void> {
    const state = this.#cause === undefined ? lostState(this.framework, finer) : 'TASK_KILLED';
    return this.#finish({ state, source: 'SOURCE_AGENT', reason, message });
  }

  async #finish(facts: StatusFacts): Promise<void> {
    this.#stopTimers();
    const { metrics, log } = this.#context;
    await this.#tell(facts);
    this.#wiring.close();
    await this.#environment.releaseIdentity(this.sandbox);
    await removeSecretFiles(this.task.container, this.sandbox).catch((error: unknown) =>
      this.#warn(error, 'secrets of an ended task are left in its sandbox'),
    );
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
    const { taskId, executorId, agentId, containerId } = this.place;
    const networks = this.#handle?.networks;
    const { parent } = this.#home;
    const ids = { id: containerId, parent, networks, pid: this.#launched?.pid };
    return makeStatus(
      this.#context,
      { taskId, agentId, executorId, container: containerStatusOf(this.#context, ids) },
      { ...this.#checks.facts(facts.state), ...facts },
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

  #warn(error: unknown, text: string): void {
    this.#context.log.warn({ error: errorText(error), ...this.place }, text);
  }

  #stopTimers(): void {
    this.#checks.stop();
    this.#timers.term?.cancel();
    this.#timers.completion?.cancel();
  }

  #close(): void {
    this.#stopTimers();
    this.updates.pause();
    const journal = this.#journal;
    this.#journal = undefined;
    this.#resolveEnded();
    void (journal?.close() ?? Promise.resolve()).finally(() => {
      this.#onClosed(this);
      this.#closing.resolve();
    });
  }
}
