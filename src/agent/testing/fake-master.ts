import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AGENT_API_PATH, encodeRecord } from '../../mesos/index.ts';
import type { AgentCall, AgentEvent, TaskStatus } from '../../mesos/index.ts';

type Subscribe = Extract<AgentCall, { type: 'SUBSCRIBE' }>['subscribe'];

/** A master that speaks the agent protocol over real HTTP, and remembers what it was told. */
export class FakeMaster {
  readonly #server: Server;
  readonly calls: AgentCall[] = [];
  readonly #listeners = new Set<() => void>();
  #stream: ServerResponse | undefined;
  #streamId = 0;
  /** The id that agents get; one that comes back keeps its own. */
  nextAgentId = 'agent-S0';
  pingTimeoutSeconds = 75;
  acknowledges = true;
  unknownTasks: { framework_id: { value: string }; task_id: { value: string } }[] = [];
  redirectTo: string | undefined;

  constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  send(event: AgentEvent): void {
    this.#stream?.write(encodeRecord(event));
  }

  /** Break the stream without a word. */
  drop(): void {
    this.#stream?.destroy();
    this.#stream = undefined;
  }

  get subscriptions(): Subscribe[] {
    return this.calls.flatMap((c) => (c.type === 'SUBSCRIBE' ? [c.subscribe] : []));
  }

  /** Statuses of a task, repetitions left out. */
  statuses(taskId: string): TaskStatus[] {
    const all = this.calls.flatMap((c) =>
      c.type === 'UPDATE' && c.update.status.task_id.value === taskId ? [c.update.status] : [],
    );
    return all.filter((s, i) => all.findIndex((o) => o.uuid === s.uuid) === i);
  }

  /** Resolve as soon as the condition holds; it is looked at after every call. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
    });
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (this.redirectTo !== undefined) {
      response.writeHead(307, { location: `//${this.redirectTo}${AGENT_API_PATH}` }).end();
      return;
    }
    if (request.method !== 'POST') {
      response.writeHead(404).end();
      return;
    }
    const call = JSON.parse(body) as AgentCall;
    if (call.type === 'SUBSCRIBE') this.#subscribe(call.subscribe, response);
    else if (request.headers['mesos-stream-id'] !== `s${this.#streamId}`) response.writeHead(403).end();
    else response.writeHead(202).end();
    this.calls.push(call);
    if (call.type === 'UPDATE' && this.acknowledges)
      this.acknowledge(call.update.framework_id.value, call.update.status);
    for (const look of this.#listeners) look();
  }

  acknowledge(frameworkId: string, status: TaskStatus): void {
    this.send({
      type: 'ACKNOWLEDGE',
      acknowledge: {
        framework_id: { value: frameworkId },
        task_id: status.task_id,
        uuid: status.uuid ?? '',
      },
    });
  }

  #subscribe(subscribe: Subscribe, response: ServerResponse): void {
    this.#stream?.end();
    this.#stream = response;
    response.writeHead(200, {
      'content-type': 'application/json',
      'mesos-stream-id': `s${++this.#streamId}`,
    });
    this.send({
      type: 'SUBSCRIBED',
      subscribed: {
        agent_id: subscribe.agent_info.id ?? { value: this.nextAgentId },
        ping_interval_seconds: 15,
        ping_timeout_seconds: this.pingTimeoutSeconds,
        unknown_tasks: this.unknownTasks,
      },
    });
  }
}
