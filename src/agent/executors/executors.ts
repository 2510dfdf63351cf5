import { idProblem } from '../../mesos/index.ts';
import type { ExecutorInfo, FrameworkInfo, KillPolicy, TaskInfo } from '../../mesos/index.ts';
import type { RecoveredRun, RunPlace } from '../checkpoint/records.ts';
import type { History } from '../history/history.ts';
import type { TaskContext } from '../tasks/context.ts';
import type { TaskView } from '../tasks/task-view.ts';
import { mtlsProblem } from '../tasks/wiring.ts';
import { lostState } from '../updates/status.ts';
import type { StatusFacts } from '../updates/status.ts';
import { CustomExecutor } from './custom-executor.ts';
import { DefaultExecutor } from './default-executor.ts';
import type { Executor } from './executor.ts';

/** How many ended executors are remembered, should they still speak to the agent. */
const ENDED_KEPT = 150;

/** Tasks for an executor, as the master gives them. */
export interface Order {
  readonly agentId: string;
  readonly framework: FrameworkInfo;
  readonly executor: ExecutorInfo;
  readonly tasks: readonly TaskInfo[];
  /** They live and die together. */
  readonly group: boolean;
  /** Whether the executor may be started for them; otherwise it is believed to be here. */
  readonly launch: boolean;
}

/** Answers for a task that is not here. */
type Answer = (agentId: string, frameworkId: string, taskId: string, facts: StatusFacts) => void;

/** The executors of this agent that the framework knows of: its own, and the one that the agent plays for task groups. */
export class Executors {
  readonly #context: TaskContext;
  readonly #answer: Answer;
  readonly #all = new Set<Executor>();
  readonly #ended: Executor[] = [];
  readonly #history: History;
  readonly #removals = new Set<Promise<void>>();
  #connected = false;

  constructor(context: TaskContext, history: History, answer: Answer) {
    this.#context = context;
    this.#history = history;
    this.#answer = answer;
  }

  /** Alive, or over with ends that are not acknowledged. */
  get all(): readonly Executor[] {
    return [...this.#all];
  }

  get live(): readonly Executor[] {
    return this.all.filter((executor) => !executor.over);
  }

  /** The one that is alive under this id, or the last one. */
  find(frameworkId: string, executorId: string): Executor | undefined {
    const named = [...this.#ended, ...this.#all].filter(
      ({ place }) => place.frameworkId === frameworkId && place.executorId === executorId,
    );
    return named.find((executor) => !executor.over) ?? named.at(-1);
  }

  /** Take over what an earlier agent process left; resolves when it is known which of it is still there. */
  async recover(runs: readonly RecoveredRun[]): Promise<void> {
    const recovered = runs.flatMap((run) => {
      const first = run.records[0];
      if (first?.type !== 'EXECUTOR') return [];
      return [{ run, executor: this.#create(run.place, first.framework, first.executor) }];
    });
    await Promise.all(recovered.map(({ run, executor }) => executor.recover(run)));
  }

  /** Give tasks to their executor, which is started when it is not there. */
  run(order: Order): void {
    const { agentId, framework, executor: info, tasks, group, launch } = order;
    const frameworkId = framework.id?.value ?? '';
    const executorId = info.executor_id.value;
    const refused = this.#problem(order, frameworkId, executorId);
    const known = this.live.find(
      (e) => e.place.frameworkId === frameworkId && e.place.executorId === executorId,
    );
    const gone = known ? known.ending : !launch;
    if (refused === undefined && !gone) {
      const { random, log } = this.#context;
      const place = {
        agentId,
        frameworkId,
        executorId,
        containerId: known?.place.containerId ?? random.uuid(),
      };
      log.info({ ...place, tasks: tasks.length, isNew: !known }, 'tasks for an executor');
      const executor = known ?? this.#create(place, framework, info);
      if (!known && this.#connected) executor.resume();
      return executor.accept(tasks, group);
    }
    const terminated: StatusFacts = {
      state: lostState(framework, 'TASK_DROPPED'),
      reason: 'REASON_EXECUTOR_TERMINATED',
      message: known ? 'Executor terminating' : 'Executor terminated',
    };
    for (const { task_id } of tasks) this.#answer(agentId, frameworkId, task_id.value, refused ?? terminated);
    // what the master counts for an executor that never came to be is given back
    if (!known && launch) this.#context.sendExited({ frameworkId, executorId }, -1);
  }

  has(frameworkId: string, taskId: string): boolean {
    return this.#of(frameworkId).some((e) => hasTask(e, taskId));
  }

  /** A task that an executor has, or had until its end is acknowledged. */
  task(frameworkId: string, taskId: string): TaskView | undefined {
    const tasks = this.#of(frameworkId).flatMap((e): readonly TaskView[] => e.tasks);
    return tasks.find(({ place }) => place.taskId === taskId);
  }

  kill(frameworkId: string, taskId: string, policy: KillPolicy | undefined): boolean {
    return this.#of(frameworkId).some((executor) => executor.kill(taskId, policy));
  }

  ack(frameworkId: string, taskId: string, uuid: string): boolean {
    return this.#of(frameworkId).some((executor) => executor.ack(taskId, uuid));
  }

  message(frameworkId: string, executorId: string, data: string): void {
    const executor = this.find(frameworkId, executorId);
    if (executor) executor.message(data);
    else this.#context.log.warn({ frameworkId, executorId }, 'message for an unknown executor; dropped');
  }

  shutdown(frameworkId: string, executorId: string): void {
    const executor = this.find(frameworkId, executorId);
    if (executor) executor.shutdown();
    else this.#context.log.warn({ frameworkId, executorId }, 'shutdown of an unknown executor ignored');
  }

  updateFramework(framework: FrameworkInfo): void {
    for (const executor of this.#of(framework.id?.value ?? '')) executor.framework = framework;
  }

  shutdownFramework(frameworkId: string): void {
    for (const executor of this.#of(frameworkId)) executor.shutdown({ discard: true });
  }

  /** End all of them, and wait until each is gone. */
  async killAll(): Promise<void> {
    const live = this.live;
    for (const executor of live) executor.shutdown({ cause: 'agent-stop' });
    await Promise.all(live.map((executor) => executor.ended));
  }

  resume(): void {
    this.#connected = true;
    for (const executor of this.#all) executor.resume();
  }

  pause(): void {
    this.#connected = false;
    for (const executor of this.#all) executor.pause();
  }

  /** Forget what has ended, acknowledged or not. */
  async wipeEnded(): Promise<void> {
    for (const executor of this.all.filter(({ over }) => over)) {
      await executor.release();
      await this.#context.checkpoints.remove(executor.place);
    }
  }

  async release(): Promise<void> {
    this.pause();
    await Promise.all(this.all.map((executor) => executor.release()));
    await Promise.all(this.#removals);
  }

  #of(frameworkId: string): Executor[] {
    return this.all.filter(({ place }) => place.frameworkId === frameworkId);
  }

  #problem(order: Order, frameworkId: string, executorId: string): StatusFacts | undefined {
    const ids = [frameworkId, executorId, ...order.tasks.map(({ task_id }) => task_id.value)];
    const problem = ids.map(idProblem).find((text) => text !== undefined);
    if (problem !== undefined)
      return { state: 'TASK_ERROR', reason: 'REASON_TASK_INVALID', message: problem };
    if (order.executor.type === 'DEFAULT') return undefined;
    // nobody stands before the ports of a task that the agent does not start itself
    const message = order.tasks.map(mtlsProblem).find((text) => text !== undefined);
    return message === undefined
      ? undefined
      : { state: 'TASK_FAILED', reason: 'REASON_CONTAINER_LAUNCH_FAILED', message };
  }

  #create(place: RunPlace, framework: FrameworkInfo, info: ExecutorInfo): CustomExecutor | DefaultExecutor {
    const listener = {
      over: (executor: Executor, status: number) => this.#context.sendExited(executor.place, status),
      closed: (executor: Executor) => this.#closed(executor),
    };
    const Kind = info.type === 'DEFAULT' ? DefaultExecutor : CustomExecutor;
    const executor = new Kind(this.#context, place, framework, info, listener);
    this.#all.add(executor);
    return executor;
  }

  #closed(executor: Executor): void {
    this.#all.delete(executor);
    this.#ended.push(executor);
    if (this.#ended.length > ENDED_KEPT) this.#ended.shift();
    const kept = this.#history.add(executor).finally(() => this.#removals.delete(kept));
    this.#removals.add(kept);
  }
}

function hasTask({ tasks, queued }: Executor, taskId: string): boolean {
  return (
    tasks.some(({ place }) => place.taskId === taskId) ||
    queued.some(({ task_id }) => task_id.value === taskId)
  );
}
