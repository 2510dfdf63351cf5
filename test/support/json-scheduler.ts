import { eventually } from './eventually.ts';

/** An event of the scheduler API. Tests read it freely. */
// oxlint-disable-next-line typescript/no-explicit-any -- as the wire has it
export type SchedulerEvent = { readonly type: string } & Record<string, any>;

/** A framework of a test that speaks the scheduler API by hand, so that nothing of ours is between the test and the wire. */
export class JsonScheduler {
  readonly events: SchedulerEvent[] = [];
  readonly #url: string;
  readonly #over = new AbortController();
  #streamId = '';
  frameworkId = '';

  constructor(master: string) {
    this.#url = `http://${master}/api/v1/scheduler`;
  }

  /** Resolves when subscribed; statuses are acknowledged as they come. */
  async subscribe(info: Record<string, unknown> = {}): Promise<void> {
    const framework_info = { user: '', name: 'by-hand', roles: ['*'], ...info, capabilities: CAPABILITIES };
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ type: 'SUBSCRIBE', subscribe: { framework_info } }),
      signal: this.#over.signal,
    });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    this.#streamId = response.headers.get('mesos-stream-id') ?? '';
    void this.#follow(response);
    const subscribed = await this.event('SUBSCRIBED');
    this.frameworkId = subscribed['subscribed'].framework_id.value as string;
  }

  async call(type: string, body: Record<string, unknown> = {}): Promise<number> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'mesos-stream-id': this.#streamId },
      body: JSON.stringify({ type, framework_id: { value: this.frameworkId }, ...body }),
    });
    const text = await response.text();
    if (response.status !== 202) throw new Error(`${type}: ${response.status} ${text}`);
    return response.status;
  }

  /** The first event of a type for which the condition holds, now or later; `since`: of those from that one on. */
  event(
    type: string,
    accept: (event: SchedulerEvent) => boolean = () => true,
    since = 0,
  ): Promise<SchedulerEvent> {
    return eventually(type, () => this.events.slice(since).find((e) => e.type === type && accept(e)), {
      timeoutMs: 30_000,
    });
  }

  /** The states of a task so far, repetitions left out. */
  states(taskId: string): string[] {
    return this.statuses(taskId).map((s) => s['state'] as string);
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- as the wire has it
  statuses(taskId: string): Record<string, any>[] {
    const all = this.events.flatMap((e) => (e.type === 'UPDATE' ? [e['update'].status] : []));
    const own = all.filter((s) => s.task_id.value === taskId);
    return own.filter((s, i) => own.findIndex((o) => o.uuid === s.uuid) === i);
  }

  async reached(taskId: string, state: string): Promise<void> {
    const what = `${taskId} to be ${state}`;
    await eventually(what, () => this.states(taskId).includes(state), { timeoutMs: 30_000 });
  }

  close(): void {
    this.#over.abort();
  }

  async #follow(response: Response): Promise<void> {
    let rest = Buffer.alloc(0);
    try {
      for await (const piece of response.body!) {
        rest = Buffer.concat([rest, piece]);
        for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
          const from = end + 1;
          const to = from + Number(rest.subarray(0, end));
          if (rest.length < to) break;
          this.#hear(JSON.parse(rest.subarray(from, to).toString()) as SchedulerEvent);
          rest = rest.subarray(to);
        }
      }
    } catch {
      // closed by the test
    }
  }

  #hear(event: SchedulerEvent): void {
    this.events.push(event);
    const status = event.type === 'UPDATE' ? event['update'].status : undefined;
    if (status?.uuid === undefined) return;
    const { agent_id, task_id, uuid } = status;
    void this.call('ACKNOWLEDGE', { acknowledge: { agent_id, task_id, uuid } }).catch(() => {});
  }
}

const CAPABILITIES = [{ type: 'MULTI_ROLE' }, { type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }];
