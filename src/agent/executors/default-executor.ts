import type { ExecutorInfo, FrameworkInfo, KillPolicy, TaskInfo } from '../../mesos/index.ts';
import type { RecoveredRun, RunPlace } from '../checkpoint/records.ts';
import type { Usage } from '../launcher/launcher.ts';
import type { TaskContext } from '../tasks/context.ts';
import { nestedHome } from '../tasks/task-home.ts';
import { TaskRun } from '../tasks/task-run.ts';
import { COMPLETED_KEPT, resourcesOf } from './executor.ts';
import type { ContainerView, Executor, ExecutorListener } from './executor.ts';
import { ExecutorJournal, forgetTask, journaledTasks } from './executor-journal.ts';
import { openExecutor } from './open-executor.ts';

interface Member {
  readonly run: TaskRun;
  readonly group: string;
}

/**
 * The executor of task groups, played by the agent itself: each task is a container of its own. When one task of a group
 * ends in any other way than TASK_FINISHED, the others are killed; the executor is over when all of its groups are
 * (mesos-api.md §2.7).
 */
export class DefaultExecutor implements Executor {
  readonly place: RunPlace;
  readonly info: ExecutorInfo;
  readonly sandbox: string;
  readonly ended: Promise<void>;
  readonly queued: readonly TaskInfo[] = [];
  over = false;
  ending = false;
  #framework: FrameworkInfo;
  readonly #context: TaskContext;
  readonly #listener: ExecutorListener;
  readonly #members = new Map<string, Member>();
  readonly #completed: TaskRun[] = [];
  #journal: Promise<ExecutorJournal> | undefined;
  #connected = false;
  #released = false;
  #resolveEnded: () => void = () => {};

  constructor(
    context: TaskContext,
    place: RunPlace,
    framework: FrameworkInfo,
    info: ExecutorInfo,
    listener: ExecutorListener,
  ) {
    this.#context = context;
    this.place = place;
    this.#framework = framework;
    this.info = info;
    this.#listener = listener;
    this.sandbox = context.checkpoints.sandboxDir(place);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get framework(): FrameworkInfo {
    return this.#framework;
  }

  set framework(framework: FrameworkInfo) {
    this.#framework = framework;
    for (const { run } of this.#members.values()) run.framework = framework;
  }

  get tasks(): readonly TaskRun[] {
    return [...this.#members.values()].map(({ run }) => run);
  }

  get completed(): readonly TaskRun[] {
    return this.#completed;
  }

  /** It has no process: what it uses is what its tasks use. */
  get container(): ContainerView | undefined {
    if (this.over) return undefined;
    const { containerId } = this.place;
    const usage = async (): Promise<Usage> =>
      sumUsage(await Promise.all(this.nested.map((inside) => inside.usage())));
    return { containerId, pid: undefined, resources: resourcesOf(this), usage, ended: this.ended };
  }

  get nested(): readonly ContainerView[] {
    return this.tasks.flatMap((run) => run.container ?? []);
  }

  accept(tasks: readonly TaskInfo[], together: boolean): void {
    const { random, clock } = this.#context;
    const given = tasks.map((task) => ({ task, containerId: random.uuid() }));
    const group = given[0]?.containerId ?? '';
    this.#journal ??= openExecutor(this.#context, this.place, this.#framework, this.info);
    const stored = this.#journal.then(async (journal) => {
      const first = together ? { group } : {};
      await journal.append({ type: 'TASKS', ...first, tasks: given, at: clock.now() });
      return journal;
    });
    stored.catch(() => {}); // each task tells it as its own failure
    for (const { task, containerId } of given) {
      const open = async () => (await stored).ofTask(task.task_id.value);
      const member = this.#add(task, containerId, together ? group : containerId, open);
      if (this.#connected) member.run.updates.resume();
      void member.run.start();
    }
  }

  /** Pick up where an earlier agent process stopped: tasks that it had not begun are not begun now. */
  async recover({ records, journal }: RecoveredRun): Promise<void> {
    const first = records[0];
    if (first?.type !== 'EXECUTOR') return;
    const all = new ExecutorJournal(journal, records);
    this.#journal = Promise.resolve(all);
    const tasks = [...journaledTasks(first, this.#framework, records)];
    const recovered = tasks.map(([taskId, { task, containerId, group, records: own }]) => {
      const member = this.#add(task, containerId, group ?? containerId, async () => all.ofTask(taskId));
      return { member, own, journal: all.ofTask(taskId) };
    });
    await Promise.all(recovered.map((r) => r.member.run.recover(r.own, r.journal)));
    if (tasks.length === 0) this.#finish(); // the tasks that it was meant for never got to the disk
  }

  kill(taskId: string, policy: KillPolicy | undefined): boolean {
    const run = this.#members.get(taskId)?.run;
    run?.kill({ graceMs: run.graceMs(policy), cause: 'kill' });
    return run !== undefined;
  }

  ack(taskId: string, uuid: string): boolean {
    const run = this.#members.get(taskId)?.run;
    void run?.updates.ack(uuid);
    return run !== undefined;
  }

  message(): void {
    this.#context.log.debug({ ...this.place }, 'the default executor takes no messages; dropped');
  }

  shutdown({ discard = false, cause = 'kill' }: Parameters<Executor['shutdown']>[0] = {}): void {
    this.ending = true;
    for (const run of this.tasks) {
      run.kill({ graceMs: run.graceMs(undefined), drainMs: 0, cause });
      if (discard) run.discard();
    }
  }

  resume(): void {
    this.#connected = true;
    for (const run of this.tasks) run.updates.resume();
  }

  pause(): void {
    this.#connected = false;
    for (const run of this.tasks) run.updates.pause();
  }

  async release(): Promise<void> {
    this.#released = true;
    await Promise.all(this.tasks.map((run) => run.release()));
    await (await this.#journal)?.close();
  }

  #add(
    task: TaskInfo,
    containerId: string,
    group: string,
    open: ConstructorParameters<typeof TaskRun>[2]['open'],
  ): Member {
    const taskId = task.task_id.value;
    const place = { ...this.place, taskId, containerId };
    const home = nestedHome(this.#context.checkpoints, place, this.place.containerId, open);
    const closed = (run: TaskRun): void => this.#closed(run);
    const run = new TaskRun(this.#context, place, home, this.#framework, task, closed);
    const member = { run, group };
    this.#members.set(taskId, member);
    void run.ended.then(() => this.#ended(member));
    return member;
  }

  #ended({ run, group }: Member): void {
    if (run.state !== 'TASK_FINISHED') {
      for (const mate of this.#members.values())
        if (mate.group === group)
          mate.run.kill({ graceMs: mate.run.graceMs(undefined), drainMs: 0, cause: 'kill' });
    }
    if (this.tasks.every((r) => r.over)) this.#finish();
  }

  #finish(): void {
    if (this.over || this.#released) return;
    this.over = true;
    this.ending = true;
    this.#listener.over(this, 0);
    this.#resolveEnded();
    if (this.#members.size === 0) void this.#close();
  }

  #closed(run: TaskRun): void {
    const { taskId } = run.place;
    this.#members.delete(taskId);
    this.#completed.push(run);
    if (this.#completed.length > COMPLETED_KEPT) this.#completed.shift();
    forgetTask(this.#context.log, run.place, this.#journal);
    if (this.over && this.#members.size === 0) void this.#close();
  }

  async #close(): Promise<void> {
    await this.#journal?.then((journal) => journal.close()).catch(() => {});
    this.#listener.closed(this);
  }
}

function sumUsage(all: readonly (Usage | undefined)[]): Usage {
  const sum: Record<string, number> = {};
  for (const usage of all)
    for (const [name, value] of Object.entries(usage ?? {})) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}
