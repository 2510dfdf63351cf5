import { SchedulerDriver } from '../../src/frameworks/driver/index.ts';
import type { SchedulerCall, SchedulerEvent } from '../../src/frameworks/driver/index.ts';
import { isTerminal } from '../../src/mesos/index.ts';
import type { Offer, TaskInfo, TaskState, TaskStatus } from '../../src/mesos/index.ts';
import { Node } from './nodes.ts';
import type { SimProcess } from './process.ts';

/** How a wish is run: a task with a command, two tasks as a group, or a task of an executor of ours. */
const WISHES = { solo: 1, pair: 2, own: 1 } as const;
type Wish = keyof typeof WISHES;
const NAMES: readonly Wish[] = ['solo', 'pair', 'own'];

const EXECUTOR_RESOURCES = [...resources(0.1, 32), { name: 'disk', type: 'SCALAR', scalar: { value: 10 } }];
const RECONCILE_MS = 30_000;
const HIGHEST = 0.5;

function resources(cpus: number, mem: number): TaskInfo['resources'] {
  return [
    { name: 'cpus', type: 'SCALAR', scalar: { value: cpus } },
    { name: 'mem', type: 'SCALAR', scalar: { value: mem } },
  ];
}

/** One attempt at a wish: what was asked for, and what is over of it. */
interface Run {
  readonly ids: readonly string[];
  readonly states: Map<string, TaskState>;
}

/** A plain framework beside Marathon: it wants each of its wishes to run once, and begins anew what has ended. */
export class BatchNode extends Node {
  /** What its disk has. */
  readonly #saved: {
    frameworkId?: string | undefined;
    count: number;
    readonly ids: Map<Wish, readonly string[]>;
  } = { count: 0, ids: new Map() };
  #program: BatchProgram | undefined;

  /** What it believes; undefined while it is down. */
  get program(): BatchProgram | undefined {
    return this.up ? this.#program : undefined;
  }

  protected async launch(process: SimProcess): Promise<void> {
    const saved = this.#saved;
    const { judge } = this.around;
    const program = new BatchProgram(saved.count, saved.ids, {
      save: (runs, count) =>
        this.disk.write(process, () => {
          saved.count = count;
          saved.ids.clear();
          for (const [wish, run] of runs) saved.ids.set(wish, run.ids);
        }),
      call: (call) => driver.call(call as SchedulerCall),
      heard: (status) => judge.heard(driver.frameworkId ?? '', status),
      ends: (wish) => judge.reduced(`/${wish}`),
      failed: (error) => process.log.error({ error }, 'not written'),
    });
    const driver = new SchedulerDriver({
      master: this.around.masters.text,
      sockets: this.sockets(process),
      ids: {
        load: async () => saved.frameworkId,
        save: (id) => this.disk.write(process, () => void (saved.frameworkId = id)),
      },
      handler: {
        frameworkInfo: () => ({
          user: 'root',
          name: 'batch',
          failover_timeout: 604_800,
          checkpoint: true,
          capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }],
        }),
        onSubscribed: ({ frameworkId, again }) => program.subscribed(frameworkId, again),
        onEvent: (event) => program.event(event),
        onDisconnected: () => {},
      },
      clock: process.clock,
      random: process.random,
      log: process.log,
    });
    process.clock.every(RECONCILE_MS, () => program.reconcile());
    await driver.start();
    this.#program = program;
    this.stopper = () => driver.stop();
  }
}

interface Parts {
  save(runs: ReadonlyMap<Wish, Run>, count: number): Promise<void>;
  call(call: object): Promise<unknown>;
  heard(status: TaskStatus): void;
  /** It wants tasks of this wish to end. */
  ends(wish: string): void;
  failed(error: unknown): void;
}

class BatchProgram {
  frameworkId = '';
  readonly #parts: Parts;
  readonly #runs = new Map<Wish, Run>();
  #count: number;
  #last: Promise<unknown> = Promise.resolve();

  constructor(count: number, ids: ReadonlyMap<Wish, readonly string[]>, parts: Parts) {
    this.#parts = parts;
    this.#count = count;
    for (const [wish, own] of ids) this.#runs.set(wish, { ids: own, states: new Map() });
  }

  /** `framework/task` of what shall run. */
  get wanted(): readonly string[] {
    return [...this.#runs.values()].flatMap((r) => r.ids.map((id) => `${this.frameworkId}/${id}`));
  }

  get problems(): string[] {
    return NAMES.filter((wish) => {
      const run = this.#runs.get(wish);
      return run?.ids.every((id) => run.states.get(id) === 'TASK_RUNNING') !== true;
    }).map((wish) => `${wish} does not run: ${JSON.stringify([...(this.#runs.get(wish)?.states ?? [])])}`);
  }

  subscribed(frameworkId: string, again: boolean): void {
    this.frameworkId = frameworkId;
    if (!again) this.#runs.clear();
    this.reconcile();
  }

  reconcile(): void {
    const tasks = [...this.#runs.values()].flatMap((r) => r.ids.map((value) => ({ task_id: { value } })));
    // also for what is not known here, and has to end
    for (const asked of [tasks, []])
      void this.#parts.call({ type: 'RECONCILE', reconcile: { tasks: asked } });
  }

  event(event: SchedulerEvent): void {
    const next = async (): Promise<void> => {
      if (event.type === 'OFFERS') await this.#offers(event.offers.offers);
      else if (event.type === 'UPDATE') await this.#update(event.update.status);
    };
    const before = this.#last;
    const inTurn = async (): Promise<void> => {
      await before;
      await next().catch((error: unknown) => this.#parts.failed(error));
    };
    this.#last = inTurn();
  }

  /** Have a wish ended; it begins anew. */
  kill(wish: string): void {
    for (const id of this.#runs.get(wish as Wish)?.ids ?? []) this.#kill(id);
  }

  #kill(value: string): void {
    this.#parts.ends(value.split('.', 1)[0] ?? '');
    void this.#parts.call({ type: 'KILL', kill: { task_id: { value } } });
  }

  async #offers(offers: readonly Offer[]): Promise<void> {
    for (const offer of offers) {
      const offer_ids = [offer.id];
      const wish = fits(offer) ? NAMES.find((w) => !this.#runs.has(w)) : undefined;
      const filters = { refuse_seconds: this.#runs.size < NAMES.length ? 2 : 20 };
      if (!wish) {
        void this.#parts.call({ type: 'DECLINE', decline: { offer_ids, filters } });
        continue;
      }
      const run = this.#newRun(wish);
      this.#runs.set(wish, run);
      try {
        await this.#parts.save(this.#runs, this.#count);
      } catch (error) {
        this.#runs.delete(wish);
        void this.#parts.call({ type: 'DECLINE', decline: { offer_ids, filters } });
        throw error;
      }
      const operations = [this.#operation(wish, run, offer)];
      void this.#parts.call({ type: 'ACCEPT', accept: { offer_ids, operations, filters } });
    }
  }

  #newRun(wish: Wish): Run {
    const n = ++this.#count;
    const ids = Array.from({ length: WISHES[wish] }, (_, i) => `${wish}.${n}.${i}`);
    return { ids, states: new Map() };
  }

  #operation(wish: Wish, { ids }: Run, offer: Offer): object {
    const executor = {
      executor_id: { value: `executor-${ids[0]}` },
      framework_id: { value: this.frameworkId },
      resources: EXECUTOR_RESOURCES,
    };
    const command = { value: wish };
    const task_infos = ids.map((value) => ({
      name: wish,
      task_id: { value },
      agent_id: offer.agent_id,
      resources: resources(0.1, 32),
      ...(wish === 'own' ? { executor: { ...executor, type: 'CUSTOM', command } } : { command }),
    }));
    if (wish !== 'pair') return { type: 'LAUNCH', launch: { task_infos } };
    const launch_group = { executor: { ...executor, type: 'DEFAULT' }, task_group: { tasks: task_infos } };
    return { type: 'LAUNCH_GROUP', launch_group };
  }

  async #update(status: TaskStatus): Promise<void> {
    this.#parts.heard(status);
    const id = status.task_id.value;
    const [wish, run] = [...this.#runs].find(([, r]) => r.ids.includes(id)) ?? [];
    const over =
      isTerminal(status.state) || status.state === 'TASK_UNREACHABLE' || status.state === 'TASK_UNKNOWN';
    if (!wish || !run) {
      if (!over) this.#kill(id);
    } else {
      run.states.set(id, status.state);
      const left = run.ids.filter((one) => !isOver(run.states.get(one)));
      if (over) for (const one of left) this.#kill(one);
      if (left.length === 0) {
        this.#runs.delete(wish);
        await this.#parts.save(this.#runs, this.#count).catch((error: unknown) => {
          this.#runs.set(wish, run);
          throw error;
        });
        void this.#parts.call({ type: 'REVIVE' });
      }
    }
    const { agent_id, task_id, uuid } = status;
    if (uuid !== undefined)
      void this.#parts.call({ type: 'ACKNOWLEDGE', acknowledge: { agent_id, task_id, uuid } });
  }
}

function isOver(state: TaskState | undefined): boolean {
  return (
    state !== undefined && (isTerminal(state) || state === 'TASK_UNREACHABLE' || state === 'TASK_UNKNOWN')
  );
}

function fits(offer: Offer): boolean {
  const cpus = offer.resources.find((r) => r.name === 'cpus')?.scalar?.value ?? 0;
  const mem = offer.resources.find((r) => r.name === 'mem')?.scalar?.value ?? 0;
  return cpus >= HIGHEST && mem >= 128;
}
