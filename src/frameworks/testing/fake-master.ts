import { systemClock } from '../../core/clock.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import { createApi, listen } from '../../core/http/server.ts';
import type { StreamResponse } from '../../core/http/stream-response.ts';
import { openStream } from '../../core/http/stream-response.ts';
import type { Random } from '../../core/random.ts';
import { systemRandom } from '../../core/random.ts';
import type { FrameworkInfo, Offer, TaskInfo, Value } from '../../mesos/index.ts';
import { containsResources, encodeRecord } from '../../mesos/index.ts';
import type { FakeAgentOptions } from './fake-agent.ts';
import { FakeAgent } from './fake-agent.ts';
import type { FakeTask } from './fake-tasks.ts';
import { FakeTasks } from './fake-tasks.ts';

interface Call {
  readonly type: string;
  readonly framework_id?: Value;
  readonly subscribe?: { readonly framework_info: FrameworkInfo };
  readonly update_framework?: { readonly framework_info: FrameworkInfo };
  readonly accept?: {
    readonly offer_ids: readonly Value[];
    readonly operations: readonly { readonly launch: { readonly task_infos: readonly TaskInfo[] } }[];
    readonly filters?: { readonly refuse_seconds?: number };
  };
  readonly decline?: {
    readonly offer_ids: readonly Value[];
    readonly filters?: { readonly refuse_seconds?: number };
  };
  readonly kill?: { readonly task_id: Value; readonly agent_id?: Value };
  readonly acknowledge?: { readonly task_id: Value; readonly uuid: string };
  readonly reconcile?: { readonly tasks: readonly { readonly task_id: Value; readonly agent_id?: Value }[] };
}

/**
 * A Mesos master for one framework, over real HTTP, with agents whose tasks are only entries in a table. It keeps its
 * word where schedulers rely on it: offers and filters, stream ids, updates until acknowledged, reconciliation.
 */
export class FakeMaster {
  readonly tasks: FakeTasks;
  readonly agents: FakeAgent[];
  readonly random: Random = systemRandom;
  /** Every call, in the order they came. */
  readonly calls: Call[] = [];
  framework: FrameworkInfo | undefined;
  port = 0;
  /** Answered with `ERROR Framework has been removed` when they subscribe. */
  readonly removed = new Set<string>();
  /** When set, SUBSCRIBE is redirected there, as a standby master does. */
  redirectTo: string | undefined;
  #api: Api | undefined;
  #stream: StreamResponse | undefined;
  #streamId = '';
  #frameworkId = '';
  #frameworks = 0;
  #suppressed = false;
  #offerSerial = 0;
  readonly #offers = new Map<string, Offer>();
  readonly #ticker = systemClock.every(20, () => this.allocate());

  constructor(agents: readonly FakeAgentOptions[] = [{}]) {
    this.agents = agents.map((options, i) => new FakeAgent(options, i));
    this.tasks = new FakeTasks({
      send: (event) => this.#send(event),
      released: (task) => this.agents.find((a) => a.id === task.agentId)?.release(task.info.resources),
    });
  }

  async start(): Promise<this> {
    this.#api = createApi();
    this.#api.post('/api/v1/scheduler', (request, reply) => this.#handle(request, reply));
    this.port = await listen(this.#api, '127.0.0.1', this.port);
    return this;
  }

  async stop(): Promise<void> {
    this.#ticker.cancel();
    this.dropStream();
    await this.#api?.close();
  }

  get frameworkId(): string {
    return this.#frameworkId;
  }

  get subscribed(): boolean {
    return this.#stream !== undefined;
  }

  /** Cut the event stream, as a crash of either side does. */
  dropStream(): void {
    this.#stream?.end();
    this.#stream = undefined;
    this.#offers.clear();
    for (const agent of this.agents) agent.offered = [];
  }

  /** Offer what is free, where no filter forbids it. */
  allocate(): void {
    if (!this.#stream || this.#suppressed) return;
    const offers = this.agents.flatMap((agent) => {
      const resources = agent.offerable();
      if (!resources) return [];
      agent.offered = resources;
      const offer: Offer = {
        id: { value: `O${this.#offerSerial++}` },
        framework_id: { value: this.#frameworkId },
        agent_id: { value: agent.id },
        hostname: agent.hostname,
        url: { scheme: 'http', address: { ip: '127.0.0.1', port: 5051 }, path: '/slave(1)' },
        resources,
        attributes: agent.attributes,
      };
      this.#offers.set(offer.id.value, offer);
      return [offer];
    });
    if (offers.length > 0) this.#send({ type: 'OFFERS', offers: { offers } });
  }

  #send(event: unknown): void {
    this.#stream?.write(encodeRecord(event));
  }

  #handle(request: ApiRequest, reply: ApiReply): ApiReply {
    const call = JSON.parse(String(request.body)) as Call;
    if (this.redirectTo !== undefined) return reply.redirect(this.redirectTo, 307);
    this.calls.push(call);
    if (call.type === 'SUBSCRIBE') return this.#subscribe(call, reply);
    if (call.framework_id?.value !== this.#frameworkId)
      return reply.code(400).send('Framework cannot be found');
    if (!this.#stream) return reply.code(403).send('Framework is not subscribed');
    if (request.headers['mesos-stream-id'] !== this.#streamId) return reply.code(400).send('bad stream id');
    void reply.code(call.type === 'UPDATE_FRAMEWORK' ? 200 : 202).send('');
    this.#act(call);
    return reply;
  }

  #subscribe(call: Call, reply: ApiReply): ApiReply {
    const asked = call.framework_id?.value;
    this.dropStream();
    this.#streamId = this.random.uuid();
    const stream: StreamResponse = openStream(reply, {
      headers: { 'content-type': 'application/json', 'mesos-stream-id': this.#streamId },
      onClose: () => {
        if (this.#stream === stream) this.#stream = undefined;
      },
    });
    this.#stream = stream;
    if (asked !== undefined && this.removed.has(asked)) {
      this.#send({ type: 'ERROR', error: { message: 'Framework has been removed' } });
      this.dropStream();
      return reply;
    }
    this.#frameworkId = asked ?? `fake-${String(this.#frameworks++).padStart(4, '0')}`;
    this.framework = call.subscribe?.framework_info;
    this.#suppressed = false;
    for (const agent of this.agents) agent.clearFilter();
    const framework_id = { value: this.#frameworkId };
    this.#send({ type: 'SUBSCRIBED', subscribed: { framework_id, heartbeat_interval_seconds: 15 } });
    this.#send({ type: 'HEARTBEAT' });
    this.tasks.resend();
    this.allocate();
    return reply;
  }

  #act(call: Call): void {
    if (call.accept) this.#accept(call.accept);
    if (call.decline)
      for (const id of call.decline.offer_ids) this.#giveBack(id.value, call.decline.filters?.refuse_seconds);
    if (call.kill) this.tasks.kill(call.kill.task_id.value);
    if (call.acknowledge) this.tasks.acknowledge(call.acknowledge.task_id.value, call.acknowledge.uuid);
    if (call.reconcile)
      this.tasks.reconcile(call.reconcile.tasks, (agentId) => this.agents.some((a) => a.id === agentId));
    if (call.update_framework) this.framework = call.update_framework.framework_info;
    if (call.type === 'SUPPRESS') this.#suppressed = true;
    if (call.type === 'REVIVE') {
      this.#suppressed = false;
      for (const agent of this.agents) agent.clearFilter();
      this.allocate();
    }
  }

  #accept(accept: NonNullable<Call['accept']>): void {
    const [offerId] = accept.offer_ids;
    const offer = this.#offers.get(offerId?.value ?? '');
    const infos = accept.operations.flatMap((o) => o.launch.task_infos);
    const agent = this.agents.find((a) => a.id === offer?.agent_id.value);
    let left = offer?.resources ?? [];
    for (const info of infos) {
      if (!agent || !containsResources(left, info.resources)) {
        this.tasks.refuse(info, agent ? 'TASK_ERROR' : 'TASK_DROPPED');
        continue;
      }
      left = agent.use(left, info.resources);
      this.tasks.launch(info);
    }
    if (offer) this.#giveBack(offer.id.value, accept.filters?.refuse_seconds);
  }

  #giveBack(offerId: string, refuseSeconds = 5): void {
    const offer = this.#offers.get(offerId);
    this.#offers.delete(offerId);
    this.agents.find((a) => a.id === offer?.agent_id.value)?.refuse(refuseSeconds);
  }

  /** Tasks that hold resources now. */
  running(): FakeTask[] {
    return this.tasks.alive();
  }
}
