import type { JournalRecord, RunPlace } from '../../src/agent/checkpoint/records.ts';
import { isTerminal } from '../../src/mesos/index.ts';
import type { TaskState, TaskStatus } from '../../src/mesos/index.ts';
import type { Host, ProcessJudge, TaskProcess } from './host.ts';
import { tasksOf } from './disk.ts';
import { sumsProblem } from './sums.ts';
import type { MasterView } from './sums.ts';
import type { World } from './world.ts';

/** The app that a task of Marathon is of. */
export function appOf(task: string): string {
  return `/${task.slice(task.indexOf('/') + 1).split('.', 1)[0]}`;
}

/** Nobody who does not answer is given up sooner: so long five pings take, and an agent that comes back has longer. */
const PATIENCE_MS = 75_000;

/** Watches everything, from outside of every program, for what must never be. */
export class Judge implements ProcessJudge {
  readonly #world: World;
  readonly #hosts: () => readonly Host[];
  readonly #mayForget: (agentId: string) => boolean;
  /** How a task was said to have ended. */
  readonly #ended = new Map<string, TaskState>();
  /** Those of them that the present master need not have heard of. */
  readonly #endedBefore = new Set<string>();
  /** Uuids of the statuses that a framework has heard. */
  readonly #heard = new Set<string>();
  /** Apps of which somebody has ordered that tasks end. */
  readonly #reduced = new Set<string>();
  /** Agents, by id, that were given up by the rules: their tasks may be replaced. */
  readonly #givenUp = new Set<string>();
  readonly #agentOf = new Map<string, string>();
  /** Frameworks that an operator tore down. */
  readonly #tornDown = new Set<string>();
  /** Those of them of which the present master knows nothing: their tasks wait for them until their failover timeout. */
  readonly #forgotten = new Set<string>();
  /** When a master began to work, and whom it found given up. */
  readonly #begun = new WeakMap<MasterView, { readonly atMs: number; readonly found: ReadonlySet<string> }>();
  starts = 0;
  kills = 0;

  /** `mayForget`: whether the disk of an agent has refused a write. */
  constructor(
    world: World,
    hosts: () => readonly Host[],
    mayForget: (agentId: string) => boolean = () => false,
  ) {
    this.#mayForget = mayForget;
    this.#world = world;
    this.#hosts = hosts;
  }

  started(process: TaskProcess): void {
    this.starts++;
    const others = this.#hosts().flatMap((h) =>
      h.running.filter((p) => p.task === process.task && p !== process),
    );
    if (others.length > 0)
      this.#world.violated(
        `${process.task} runs twice: on ${process.host} and on ${others.map((o) => o.host).join()}`,
      );
  }

  killed(process: TaskProcess, why: string): void {
    this.kills++;
    this.#world.say(process.host, `signal to ${process.task}: ${why}`);
    if (this.#tornDown.size > 0 || this.#reduced.has(appOf(process.task))) return;
    if (this.#givenUp.has(this.#agentOf.get(process.task) ?? '')) return;
    if (this.#lacksMate(process)) return;
    this.#world.violated(`${process.task} was ended on ${process.host} though nobody wanted it: ${why}`);
  }

  /** Of a group that is not whole the rest has to end. */
  #lacksMate({ task }: TaskProcess): boolean {
    const group = /\/pair\.\d+\./.exec(task)?.[0];
    const mates = this.#hosts().flatMap((h) => h.running.filter((p) => group && p.task.includes(group)));
    return group !== undefined && mates.filter((p) => p.killAt === undefined).length < 2;
  }

  /** Somebody ordered that what runs on an agent ends. */
  emptied(agentId: string): void {
    this.#givenUp.add(agentId);
  }

  /** Somebody ordered that tasks of this app may end. */
  reduced(app: string): void {
    this.#reduced.add(app);
  }

  /** All tasks of a framework are to end. */
  tornDown(frameworkId: string): void {
    this.#tornDown.add(frameworkId);
  }

  /** Another master leads, which knows what agents and frameworks tell it. */
  newMaster(): void {
    for (const id of this.#tornDown) this.#forgotten.add(id);
    for (const task of this.#ended.keys()) this.#endedBefore.add(task);
  }

  /** Whether a task is to end in a foreseeable time. */
  lingers(task: string): boolean {
    return this.#forgotten.has(task.slice(0, task.indexOf('/')));
  }

  written(place: RunPlace, record: JournalRecord): void {
    if (record.type === 'OF_TASK') return this.written(place, record.record);
    const { agentId, frameworkId } = place;
    if (record.type === 'EXECUTOR')
      this.#agentOf.set(`${frameworkId}/${record.executor.executor_id.value}`, agentId);
    for (const id of tasksOf(record)) this.#agentOf.set(`${frameworkId}/${id}`, agentId);
    if (record.type === 'ACK' && !this.#heard.has(record.uuid))
      this.#world.violated(`a status of ${frameworkId} is acknowledged that it never heard: ${record.uuid}`);
  }

  heard(frameworkId: string, status: TaskStatus): void {
    const task = `${frameworkId}/${status.task_id.value}`;
    if (status.uuid !== undefined) this.#heard.add(status.uuid);
    this.#world.say(
      'framework',
      `hears ${status.state} of ${task} (${status.reason ?? ''} ${status.message ?? ''})`,
    );
    const before = this.#ended.get(task);
    if (isTerminal(status.state)) this.#ended.set(task, status.state);
    // as in Mesos: an agent that was away when its machine was taken DOWN may come back when that is UP again
    else if (before === 'TASK_LOST' && this.#givenUp.has(this.#agentOf.get(task) ?? '')) return;
    // the agent could not write the end down, and the master that it told is no more
    else if (this.#endedBefore.has(task) && this.#mayForget(this.#agentOf.get(task) ?? '')) return;
    else if (before !== undefined && status.state !== 'TASK_UNKNOWN' && status.state !== 'TASK_UNREACHABLE')
      this.#world.violated(`${task} was said to be over (${before}) and now to be ${status.state}`);
  }

  /** After every event. */
  look(state: MasterView | undefined): void {
    if (!state) return;
    this.#lookForHaste(state);
    for (const id of state.unreachableAgents.keys()) this.#givenUp.add(id);
    for (const id of state.goneAgents.keys()) this.#givenUp.add(id);
  }

  /** A master that has only begun cannot know of anybody that it is silent for too long. */
  #lookForHaste(state: MasterView): void {
    const { now } = this.#world;
    const begun = this.#begun.get(state);
    if (!begun) {
      if (state.recoveredUntil === 0) return; // it still reads what is known
      this.#begun.set(state, { atMs: now, found: new Set(state.unreachableAgents.keys()) });
    } else if (now < begun.atMs + PATIENCE_MS) {
      for (const id of state.unreachableAgents.keys())
        if (!begun.found.has(id)) this.#world.violated(`${id} is given up by a master that has only begun`);
    }
  }

  /** Now and then. */
  inspect(state: MasterView | undefined): void {
    const problem = state && sumsProblem(state);
    if (problem !== undefined) this.#world.violated(`the sums of the master are wrong: ${problem}`);
  }
}
