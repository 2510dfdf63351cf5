import { eventually, pause } from '../../support/eventually.ts';
import { isTerminal, RecordDecoder } from '../../../src/mesos/index.ts';
import type { Resource, TaskState, TaskStatus } from '../../../src/mesos/index.ts';

/** A task to launch: a command for the shell, or a task for an executor of its own. */
export interface Wanted {
  readonly id: string;
  readonly command?: string;
  readonly executor?: Readonly<Record<string, unknown>>;
  /** Fields of the task over the others. */
  readonly more?: Readonly<Record<string, unknown>>;
}

interface Offer {
  readonly id: { readonly value: string };
  readonly agent_id: { readonly value: string };
  readonly hostname: string;
  readonly resources: readonly Resource[];
}

/** What the ledger's tests read of an event; all else is left as it came. */
interface Heard {
  readonly type: string;
  readonly subscribed?: { readonly framework_id: { readonly value: string } };
  readonly offers?: { readonly offers: readonly Offer[] };
  readonly rescind?: { readonly offer_id: { readonly value: string } };
  readonly update?: { readonly status: TaskStatus };
  readonly failure?: { readonly agent_id?: { readonly value: string } };
}

/** What the master says to an order that came twice; it tells nothing of the task that the first one was about. */
const answersAnOrder = ({ state, reason }: TaskStatus): boolean =>
  state === 'TASK_UNKNOWN' || reason === 'REASON_INVALID_OFFERS';

const AGAIN_MS = 50;
/** Of memory that an offer has besides that of its tasks: for executors. */
const ROOM_MB = 512;

const memOf = (offer: Offer): number => offer.resources.find((r) => r.name === 'mem')?.scalar?.value ?? 0;

/**
 * A framework that writes down everything it is told, and comes back under its id whenever its stream ends. It speaks the
 * scheduler API by hand, so that nothing of ours is between the test and the wire but the framing of records.
 */
export class Ledger {
  readonly failures: string[] = [];
  /** Every status, repetitions too, in order of arrival. */
  readonly heard: TaskStatus[] = [];
  /** Whether statuses are acknowledged as they come. */
  acknowledges = true;
  frameworkId = '';
  subscriptions = 0;
  readonly #url: string;
  readonly #stopped = new AbortController();
  readonly #offers = new Map<string, Offer>();
  readonly #used = new Set<string>();
  #streamId: string | undefined;

  /** `master`: host:port of the master, or of what stands before it. */
  constructor(master: string) {
    this.#url = `http://${master}/api/v1/scheduler`;
    void this.#run();
  }

  get connected(): boolean {
    return this.#streamId !== undefined;
  }

  /** Statuses of a task as the framework understands them: each uuid once, and those without one all. */
  of(taskId: string): TaskStatus[] {
    const own = this.heard.filter((s) => s.task_id.value === taskId && !answersAnOrder(s));
    return own.filter((s, i) => s.uuid === undefined || own.findIndex((o) => o.uuid === s.uuid) === i);
  }

  states(taskId: string): TaskState[] {
    return this.of(taskId).map((s) => s.state);
  }

  ended(taskId: string): boolean {
    return this.states(taskId).some(isTerminal);
  }

  /** Wait until all of these have been in that state. */
  async reached(taskIds: readonly string[], state: TaskState, timeoutMs = 60_000): Promise<void> {
    await eventually(
      `${state} of ${taskIds.length} tasks`,
      () =>
        taskIds
          .filter((id) => !this.states(id).includes(state))
          .map((id) => [id, ...this.of(id).map((s) => `${s.state} ${s.message ?? ''}`)].join(' ')),
      { timeoutMs, accept: (missing) => missing.length === 0 },
    );
  }

  /** What is wrong with what was told: an end that is told twice in different ways, or something after the end. */
  problems(): string[] {
    const found: string[] = [];
    for (const id of new Set(this.heard.map((s) => s.task_id.value))) {
      const told = this.of(id);
      const line = `${id}: ${told.map((s) => `${s.state}(${s.reason ?? ''})`).join(' ')}`;
      if (told.filter((s) => isTerminal(s.state)).length > 1) found.push(`ended twice: ${line}`);
      else if (told.slice(0, -1).some((s) => isTerminal(s.state)))
        found.push(`went on after its end: ${line}`);
      if (told.filter((s) => s.state === 'TASK_STARTING').length > 1) found.push(`started twice: ${line}`);
    }
    return found;
  }

  /** Use the next offer (of that host) for all of these tasks; the id of the agent. */
  async launch(tasks: readonly Wanted[], hostname?: string): Promise<string> {
    const offer = await eventually(
      'an offer',
      () =>
        [...this.#offers.values()].find(
          (o) =>
            (hostname === undefined || o.hostname === hostname) && memOf(o) >= ROOM_MB + 32 * tasks.length,
        ),
      { timeoutMs: 60_000 },
    );
    this.#offers.delete(offer.id.value);
    this.#used.add(offer.id.value);
    const task_infos = tasks.map((task) => this.#info(task, offer.agent_id.value));
    const operations = [{ type: 'LAUNCH', launch: { task_infos } }];
    await this.call('ACCEPT', {
      accept: { offer_ids: [offer.id], operations, filters: { refuse_seconds: 0 } },
    });
    return offer.agent_id.value;
  }

  kill(taskId: string): Promise<number> {
    return this.call('KILL', { kill: { task_id: { value: taskId } } });
  }

  /** The status of the answer; 0: there was none. */
  async call(type: string, body: Readonly<Record<string, unknown>>): Promise<number> {
    if (this.#streamId === undefined) return 0;
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'mesos-stream-id': this.#streamId },
        body: JSON.stringify({ type, framework_id: { value: this.frameworkId }, ...body }),
        signal: AbortSignal.timeout(20_000),
      });
      await response.text();
      return response.status;
    } catch {
      return 0;
    }
  }

  close(): void {
    this.#stopped.abort();
  }

  #info({ id, command, executor, more }: Wanted, agentId: string): Record<string, unknown> {
    const resources: Resource[] = [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.01 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
    ];
    const what = executor
      ? { executor: { ...executor, framework_id: { value: this.frameworkId } } }
      : { command: { value: command } };
    return {
      name: id,
      task_id: { value: id },
      agent_id: { value: agentId },
      resources,
      ...what,
      ...more,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch {
        // nobody there, or the stream broke: again
      }
      this.#streamId = undefined;
      this.#offers.clear();
      await pause(AGAIN_MS);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const id = this.frameworkId === '' ? {} : { id: { value: this.frameworkId } };
    const framework_info = {
      user: 'root',
      name: 'ledger',
      roles: ['*'],
      checkpoint: true,
      failover_timeout: 3_600,
      capabilities: ['MULTI_ROLE', 'PARTITION_AWARE', 'TASK_KILLING_STATE'].map((type) => ({ type })),
      ...id,
    };
    const of = this.frameworkId === '' ? {} : { framework_id: { value: this.frameworkId } };
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ type: 'SUBSCRIBE', ...of, subscribe: { framework_info } }),
      signal,
    });
    if (response.status !== 200) return void (await response.text());
    const decoder = new RecordDecoder(16 * 1024 * 1024);
    this.#streamId = response.headers.get('mesos-stream-id') ?? '';
    for await (const bytes of response.body ?? [])
      for (const record of decoder.push(bytes as Uint8Array))
        this.#hear(JSON.parse(new TextDecoder().decode(record)) as Heard);
  }

  #hear(event: Heard): void {
    if (event.subscribed) {
      this.frameworkId = event.subscribed.framework_id.value;
      this.subscriptions++;
    }
    // an offer may be told twice, and what is left of a machine in pieces
    for (const offer of event.offers?.offers ?? [])
      if (!this.#used.has(offer.id.value)) this.#offers.set(offer.id.value, offer);
    if (event.rescind) this.#offers.delete(event.rescind.offer_id.value);
    if (event.failure) this.failures.push(event.failure.agent_id?.value ?? '');
    if (!event.update) return;
    const { status } = event.update;
    this.heard.push(status);
    if (this.acknowledges) void this.acknowledge(status);
  }

  async acknowledge({ agent_id, task_id, uuid }: TaskStatus): Promise<void> {
    if (uuid !== undefined) await this.call('ACKNOWLEDGE', { acknowledge: { agent_id, task_id, uuid } });
  }
}
