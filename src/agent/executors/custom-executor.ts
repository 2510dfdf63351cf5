import type { Timer } from '../../core/clock.ts';
import type { ExecutorInfo, FrameworkInfo, KillPolicy, TaskInfo, TaskStatus } from '../../mesos/index.ts';
import type { RecoveredRun, RunPlace } from '../checkpoint/records.ts';
import type { ExitStatus, Handle } from '../launcher/launcher.ts';
import type { TaskContext } from '../tasks/context.ts';
import { limitationFacts } from '../updates/status.ts';
import type { StatusFacts } from '../updates/status.ts';
import { containerOf, containerStatus, launchExecutor, limitExecutor, shutdownGraceMs } from './container.ts';
import { Deadline } from './deadline.ts';
import { acknowledgedEvent, subscribedEvent } from './events.ts';
import type { ExecutorStream, Subscribe } from './events.ts';
import { COMPLETED_KEPT } from './executor.ts';
import type { ContainerView, Executor, ExecutorListener } from './executor.ts';
import { ExecutorIdentities } from './executor-identities.ts';
import { ExecutorJournal, forgetTask, journaledTasks, tasksRecord } from './executor-journal.ts';
import { ExecutorTask } from './executor-task.ts';
import {
  exitFacts,
  killedBeforeDelivery,
  lostInRestart,
  notLaunched,
  notRegistered,
  notReregistered,
  waitStatus,
} from './exits.ts';
import { LaunchQueue } from './launch-queue.ts';
import { openExecutor } from './open-executor.ts';

const HEARTBEAT_MS = 30 * 60_000;

/** A program of the framework that runs its tasks, in a container of its own (mesos-api.md §2). */
export class CustomExecutor implements Executor {
  readonly place: RunPlace;
  readonly info: ExecutorInfo;
  readonly sandbox: string;
  framework: FrameworkInfo;
  over = false;
  readonly #end = Promise.withResolvers<void>();
  readonly ended = this.#end.promise;
  ending = false;
  readonly nested: readonly ContainerView[] = [];
  readonly #context: TaskContext;
  readonly #listener: ExecutorListener;
  readonly #identities: ExecutorIdentities;
  readonly #tasks = new Map<string, ExecutorTask>();
  readonly #completed: ExecutorTask[] = [];
  readonly #queue = new LaunchQueue();
  /** Kills that came while nobody listened. */
  readonly #kills = new Map<string, KillPolicy | undefined>();
  readonly #launchAborted = new AbortController();
  #journal: Promise<ExecutorJournal> | undefined;
  #handle: Handle | undefined;
  #stream: ExecutorStream | undefined;
  /** Of one that subscribes, until it is answered. */
  #joining: ExecutorStream | undefined;
  readonly #deadline: Deadline;
  #heartbeat: Timer | undefined;
  /** What becomes of tasks that live when the container ends, where that is not told by how it ends. */
  #verdict: StatusFacts | undefined;
  /** Whether it ever had a task. */
  #used = false;
  #connected = false;
  #discarded = false;
  #released = false;
  #settled = Promise.withResolvers<void>();

  constructor(
    context: TaskContext,
    place: RunPlace,
    framework: FrameworkInfo,
    info: ExecutorInfo,
    listener: ExecutorListener,
  ) {
    this.#context = context;
    this.place = place;
    this.framework = framework;
    this.info = info;
    this.#deadline = new Deadline(context.clock);
    this.#listener = listener;
    this.sandbox = context.checkpoints.sandboxDir(place);
    this.#identities = new ExecutorIdentities(context, { place, framework, info });
  }

  get tasks(): readonly ExecutorTask[] {
    return [...this.#tasks.values()].filter((task) => task.given || task.over);
  }

  get queued(): readonly TaskInfo[] {
    return [...this.#tasks.values()].filter((task) => !task.given && !task.over).map(({ task }) => task);
  }

  get completed(): readonly ExecutorTask[] {
    return this.#completed;
  }

  get container(): ContainerView | undefined {
    return containerOf(this.#context, this, this.#handle, (over) => this.#destroy(limitationFacts(over)));
  }

  /** Whether it has an event stream now. */
  get subscribed(): boolean {
    return this.#stream !== undefined;
  }

  accept(tasks: readonly TaskInfo[], group: boolean): void {
    const first = this.#journal === undefined;
    this.#journal ??= openExecutor(this.#context, this.place, this.framework, this.info);
    const batch = this.#queue.add(
      tasks.map((task) => this.#add(task)),
      group,
    );
    const { containerId } = this.place;
    const at = this.#context.clock.now();
    const stored = this.#append(tasksRecord(tasks, containerId, group, at));
    void stored.then(
      async () => {
        if (first) void this.#launch();
        await Promise.all([this.#limit(), this.#identities.provide(batch.tasks, group)]);
        batch.ready = true;
        this.#give();
      },
      (error: unknown) => {
        this.#queue.remove(batch);
        for (const task of batch.tasks) void task.tell(notLaunched(error));
        if (first) void this.#exited({ kind: 'unknown' });
      },
    );
  }

  /** Find it again. Resolves when it has subscribed again or is over: until then the agent does not know what it runs. */
  async recover({ records, journal }: RecoveredRun): Promise<void> {
    const first = records[0];
    if (first?.type !== 'EXECUTOR') return;
    const { launcher, executors } = this.#context;
    this.#journal = Promise.resolve(new ExecutorJournal(journal, records));
    for (const { task, records: own } of journaledTasks(first, this.framework, records).values()) {
      const one = this.#add(task);
      one.given = true;
      one.updates.replay(own);
      this.#used ||= one.state !== 'TASK_STAGING';
      if (one.updates.closed) this.#closed(one);
    }
    const forked = records.find((r) => r.type === 'FORKED');
    if (!forked) {
      this.#verdict = lostInRestart(this.framework);
      return this.#exited({ kind: 'unknown' });
    }
    const found = await launcher.reattach(forked.checkpoint);
    if (typeof found === 'string') return this.#exited({ kind: 'unknown' });
    this.#identities.resume([...this.#tasks.values()]);
    await this.#follow(found);
    if (records.some((r) => r.type === 'KILL')) return this.shutdown();
    if (this.#stream) return; // it was faster than we
    const waitMs = executors.reregistrationTimeoutMs;
    const missed = (): void => this.#destroy(notReregistered(this.framework, waitMs));
    this.#deadline.set(waitMs, missed, this.#joining !== undefined);
    await this.#settled.promise;
  }

  /** It (re-)subscribes; an earlier stream is closed. Nothing is sent to it before what it says is on disk. */
  async subscribe({ taskIds, updates }: Subscribe, stream: ExecutorStream): Promise<void> {
    for (const earlier of [this.#stream, this.#joining]) earlier?.close();
    this.#stream = undefined;
    this.#joining = stream;
    if (!this.ending) this.#deadline.hold();
    this.#used ||= updates.length > 0;
    for (const status of updates) await this.#tasks.get(status.task_id.value)?.update(status);
    const kept = new Set(taskIds);
    const missed = this.#live.filter(
      (task) => task.given && task.state === 'TASK_STAGING' && !kept.has(task.place.taskId),
    );
    await Promise.all(missed.map((task) => task.tell(lostInRestart(this.framework))));
    if (this.#joining !== stream) return; // another one came meanwhile, or it is gone
    this.#joining = undefined;
    this.#stream = stream;
    if (this.ending) {
      stream.send({ type: 'SHUTDOWN' });
      return this.over ? stream.close() : undefined;
    }
    this.#deadline.met();
    this.#settled.resolve();
    this.#heartbeat?.cancel();
    const beat = (): void => this.#stream?.send({ type: 'HEARTBEAT' });
    this.#heartbeat = this.#context.clock.every(HEARTBEAT_MS, beat);
    // what it was meant for is over before it came
    if (!this.#used && this.#live.length === 0) return this.shutdown();
    stream.send(subscribedEvent(this, this.#context.executors.agentInfo()));
    for (const status of updates) stream.send(acknowledgedEvent(status));
    this.#give();
    for (const [taskId, policy] of this.#kills) this.kill(taskId, policy);
  }

  /** Its stream is gone; it may come back. */
  disconnected(stream: ExecutorStream): void {
    if (this.#joining === stream) {
      this.#joining = undefined;
      if (!this.ending) this.#deadline.again();
    }
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    this.#heartbeat?.cancel();
  }

  /** A status from it. What it says of a task that is over here is acknowledged, so that it lets go. */
  async update(status: TaskStatus): Promise<void> {
    const task = this.#tasks.get(status.task_id.value);
    if (!task)
      this.#context.log.warn(
        { ...this.place, taskId: status.task_id.value },
        'status of a task that is not here; dropped',
      );
    await task?.update(status);
    this.#stream?.send(acknowledgedEvent(status));
  }

  message(data: string): void {
    if (this.#stream && !this.ending) this.#stream.send({ type: 'MESSAGE', message: { data } });
    else this.#context.log.warn({ ...this.place }, 'message for an executor that is not subscribed; dropped');
  }

  kill(taskId: string, policy: KillPolicy | undefined): boolean {
    const task = this.#tasks.get(taskId);
    if (!task) return false;
    if (task.over) return true;
    if (!task.given) {
      const { tasks, group } = this.#queue.withMates(task);
      for (const one of tasks) void one.tell(killedBeforeDelivery(group));
    } else if (this.#stream) {
      this.#kills.delete(taskId);
      this.#stream.send({
        type: 'KILL',
        kill: { task_id: { value: taskId }, ...(policy === undefined ? {} : { kill_policy: policy }) },
      });
    } else this.#kills.set(taskId, policy);
    return true;
  }

  ack(taskId: string, uuid: string): boolean {
    const task = this.#tasks.get(taskId);
    void task?.updates.ack(uuid);
    return task !== undefined;
  }

  shutdown({ discard = false }: Parameters<Executor['shutdown']>[0] = {}): void {
    this.#discarded ||= discard;
    if (this.over && discard) return this.#closeUnheard();
    if (this.ending) return;
    this.ending = true;
    this.#settled.resolve();
    this.#deadline.met();
    const grace = shutdownGraceMs(this.#context, this.info);
    const { launcher, log } = this.#context;
    // an end that the disk does not take is an end all the same
    this.#append({ type: 'KILL', graceMs: grace, cause: 'kill' }).catch((error: unknown) => {
      log.error({ error, ...this.place }, 'the end of an executor is not on disk');
    });
    if (!this.#handle) return this.#launchAborted.abort();
    const handle = this.#handle;
    if (!this.#stream) return void launcher.kill(handle, grace);
    this.#stream.send({ type: 'SHUTDOWN' });
    this.#deadline.set(grace, () => void launcher.kill(handle, 0));
  }

  resume(): void {
    this.#connected = true;
    for (const task of this.#tasks.values()) task.updates.resume();
  }

  pause(): void {
    this.#connected = false;
    for (const task of this.#tasks.values()) task.updates.pause();
  }

  async release(): Promise<void> {
    this.#released = true;
    this.#settled.resolve();
    this.pause();
    this.#deadline.met();
    this.#heartbeat?.cancel();
    for (const stream of [this.#stream, this.#joining]) stream?.close();
    await (await this.#journal)?.close();
  }

  #add(task: TaskInfo): ExecutorTask {
    const taskId = task.task_id.value;
    const one = new ExecutorTask({
      context: this.#context,
      place: { ...this.place, taskId },
      task,
      journal: { append: async (record) => (await this.#journal)?.ofTask(taskId).append(record) },
      executor: () => ({
        framework: this.framework,
        container: containerStatus(this.#context, this.place, this.#handle),
      }),
      over: (ended) => void Promise.all([this.#limit(), this.#identities.release(ended)]),
      closed: (closed) => this.#closed(closed),
    });
    this.#tasks.set(taskId, one);
    if (this.#connected) one.updates.resume();
    return one;
  }

  get #live(): readonly ExecutorTask[] {
    return [...this.#tasks.values()].filter((task) => !task.over);
  }

  async #launch(): Promise<void> {
    const { executors, metrics } = this.#context;
    const { signal } = this.#launchAborted;
    try {
      const { place, framework, info } = this;
      const tasks = (): readonly TaskInfo[] => this.#live.map(({ task }) => task);
      const executor = { place, framework, info, identities: this.#identities, tasks };
      const handle = await launchExecutor(this.#context, executor, signal, (checkpoint) =>
        this.#append({ type: 'FORKED', checkpoint }),
      );
      metrics.launches++;
      await this.#follow(handle);
    } catch (error) {
      if (!signal.aborted) {
        metrics.launchErrors++;
        this.#verdict ??= notLaunched(error);
      }
      return this.#exited({ kind: 'unknown' });
    }
    if (this.#stream || this.ending) return;
    const waitMs = executors.registrationTimeoutMs;
    this.#deadline.set(waitMs, () => this.#destroy(notRegistered(waitMs)), this.#joining !== undefined);
  }

  /** Resolves when it has room for all tasks that it has by now. */
  async #follow(handle: Handle): Promise<void> {
    this.#handle = handle;
    void handle.exited.then((exit) => this.#exited(exit));
    await this.#limit();
    this.#queue.open = true;
    this.#give();
  }

  #limit(): Promise<void> {
    const tasks = this.#live.map(({ task }) => task);
    return limitExecutor(this.#context, this.info, tasks, this.#handle);
  }

  #give(): void {
    if (this.#stream && !this.ending && this.#queue.giveTo(this.#stream)) this.#used = true;
  }

  /** End the container now, for this reason. */
  #destroy(verdict: StatusFacts): void {
    this.#verdict ??= verdict;
    this.ending = true;
    if (this.#handle) void this.#context.launcher.kill(this.#handle, 0);
    else this.#launchAborted.abort();
  }

  async #exited(exit: ExitStatus): Promise<void> {
    if (this.over || this.#released) return;
    this.ending = true;
    this.#deadline.met();
    this.#heartbeat?.cancel();
    const verdict = this.#verdict ?? exitFacts(this.framework, exit);
    await Promise.all(this.#live.map((task) => task.tell(verdict)));
    if (this.#released) return;
    this.over = true;
    this.#stream?.close();
    this.#stream = undefined;
    const { log } = this.#context;
    log.info({ ...this.place, exit, reason: verdict.reason }, 'executor ended');
    void this.#identities.close();
    this.#listener.over(this, waitStatus(exit));
    this.#settled.resolve();
    this.#end.resolve();
    if (this.#discarded) this.#closeUnheard();
    if (this.#tasks.size === 0) void this.#close();
  }

  #closeUnheard(): void {
    for (const task of this.#tasks.values()) task.closeUnheard();
  }

  #closed(task: ExecutorTask): void {
    const { taskId } = task.place;
    if (!this.#tasks.delete(taskId)) return;
    this.#kills.delete(taskId);
    this.#completed.push(task);
    if (this.#completed.length > COMPLETED_KEPT) this.#completed.shift();
    forgetTask(this.#context.log, task.place, this.#journal);
    if (this.over && this.#tasks.size === 0) void this.#close();
  }

  async #append(record: Parameters<ExecutorJournal['append']>[0]): Promise<void> {
    await (await this.#journal)?.append(record);
  }

  async #close(): Promise<void> {
    await this.#journal?.then((journal) => journal.close()).catch(() => {});
    this.#listener.closed(this);
  }
}
