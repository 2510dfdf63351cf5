import type { ExecutorEvent } from '../../src/agent/executors/events.ts';
import { RecordDecoder } from '../../src/mesos/index.ts';
import type { TaskState, TaskStatus } from '../../src/mesos/index.ts';
import { SimClient } from './client.ts';
import type { Host, TaskProcess } from './host.ts';
import type { Network } from './network.ts';
import { SimProcess } from './process.ts';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json' };
/** It looks for its agent again within this time. */
const AGAIN_MS = 1_000;
/** How long it stays without a task. */
const IDLE_MS = 5_000;

/** A custom executor by the book (mesos-api.md §2): one program that runs tasks within itself. */
export class SimExecutor {
  readonly #host: Host;
  readonly #process: SimProcess;
  readonly #own: TaskProcess;
  readonly #http: SimClient;
  readonly #tasks = new Map<string, TaskProcess>();
  readonly #unacknowledged = new Map<string, TaskStatus>();
  /** Given, and no update of it is acknowledged yet. */
  readonly #fresh = new Map<string, object>();
  #connected = false;
  /** Uuids of the statuses that went with the last subscription. */
  #said: ReadonlySet<string> = new Set();

  constructor(network: Network, host: Host, own: TaskProcess) {
    this.#host = host;
    this.#own = own;
    this.#process = new SimProcess(network.world, `${host.name}/executor`, host.name, () => 0);
    this.#http = new SimClient(network, this.#process);
    own.waiting.add(() => this.#process.die());
    this.#process.atDeath(() => {
      for (const task of this.#tasks.values()) host.end(task, { kind: 'signaled', signal: 9 });
    });
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      try {
        await this.#subscribe();
      } catch {
        // the agent is down or restarts
      }
      this.#connected = false;
      await this.#process.wait(this.#process.world.between(10, AGAIN_MS));
    }
  }

  async #subscribe(): Promise<void> {
    const unacknowledged_updates = [...this.#unacknowledged.values()].map((status) => ({ status }));
    this.#said = new Set(this.#unacknowledged.keys());
    const unacknowledged_tasks = [...this.#fresh.values()];
    const subscribe = { unacknowledged_tasks, unacknowledged_updates };
    const response = await this.#call('SUBSCRIBE', { subscribe }, 0);
    if (response.status !== 200) return response.cancel();
    const decoder = new RecordDecoder();
    for await (const bytes of response.body)
      for (const record of decoder.push(bytes))
        this.#event(JSON.parse(new TextDecoder().decode(record)) as ExecutorEvent);
  }

  #call(type: string, payload: object, timeoutMs = 10_000): ReturnType<SimClient['request']> {
    const { frameworkId, executorId = '' } = this.#own;
    const names = { framework_id: { value: frameworkId }, executor_id: { value: executorId } };
    const body = JSON.stringify({ type, ...names, ...payload });
    const url = `http://${this.#host.name}:5051/api/v1/executor`;
    return this.#http.request({ method: 'POST', url, headers: HEADERS, body, timeoutMs });
  }

  #event(event: ExecutorEvent): void {
    switch (event.type) {
      case 'SUBSCRIBED':
        this.#connected = true;
        // What came to pass since it asked to subscribe.
        for (const [uuid, status] of this.#unacknowledged) if (!this.#said.has(uuid)) this.#send(status);
        return;
      case 'LAUNCH': {
        const { task } = event.launch;
        const id = task.task_id.value;
        this.#fresh.set(id, task);
        this.#tasks.set(
          id,
          this.#host.startWithin(this.#own, id, () => this.#ended(id)),
        );
        return this.#say(id, 'TASK_RUNNING');
      }
      case 'KILL': {
        const task = this.#tasks.get(event.kill.task_id.value);
        if (task) this.#host.signal(task, 1_000, 'killed by its executor');
        return;
      }
      case 'ACKNOWLEDGED':
        this.#unacknowledged.delete(event.acknowledged.uuid);
        this.#fresh.delete(event.acknowledged.task_id.value);
        return this.#leaveWhenIdle();
      case 'SHUTDOWN':
        return this.#host.end(this.#own, { kind: 'exited', code: 0 });
      case 'LAUNCH_GROUP':
      case 'MESSAGE':
      case 'HEARTBEAT':
    }
  }

  #ended(id: string): void {
    this.#tasks.delete(id);
    this.#process.run(() => this.#say(id, 'TASK_KILLED'));
  }

  #say(id: string, state: TaskState): void {
    const status: TaskStatus = {
      task_id: { value: id },
      state,
      source: 'SOURCE_EXECUTOR',
      executor_id: { value: this.#own.executorId ?? '' },
      uuid: Buffer.from(this.#process.random.bytes(16)).toString('base64'),
    };
    this.#unacknowledged.set(status.uuid ?? '', status);
    if (this.#connected) this.#send(status);
  }

  #send(status: TaskStatus): void {
    this.#call('UPDATE', { update: { status } }).then(
      (response) => response.cancel(),
      () => {}, // it is said again with the next subscription
    );
  }

  #leaveWhenIdle(): void {
    this.#process.clock.after(IDLE_MS, () => {
      if (this.#tasks.size > 0 || this.#unacknowledged.size > 0 || this.#fresh.size > 0) return;
      this.#host.end(this.#own, { kind: 'exited', code: 0 });
    });
  }
}
