import type { Access } from '../../core/http/guard.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { HttpClient, HttpResponse } from '../../core/http/client.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { seededRandom } from '../../core/random.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import type {
  AgentEvent,
  AgentInfo,
  AgentTask,
  DrainConfig,
  FrameworkInfo,
  TaskState,
} from '../../mesos/index.ts';
import { AGENT_API_PATH, RecordDecoder, parseResources } from '../../mesos/index.ts';
import { memoryStore } from '../../store/index.ts';
import type { LeadsAlong, Store } from '../../store/index.ts';
import { masterConfigSchema } from '../config.ts';
import { createMaster } from '../master.ts';
import type { Master } from '../master.ts';

/** For tests: a master with a clock of its own, and clients that speak to it over real sockets. */

export interface RunningMaster {
  readonly master: Master;
  readonly clock: FakeClock;
  readonly health: Health;
  readonly store: Store;
  readonly url: string;
  readonly http: HttpClient;
  stop(): Promise<void>;
}

export async function startMaster(
  options: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly store?: Store;
    readonly seed?: number;
    readonly access?: Access;
    readonly along?: LeadsAlong;
    readonly fail?: (error: Error) => void;
  } = {},
): Promise<RunningMaster> {
  const clock = new FakeClock();
  const store = options.store ?? memoryStore();
  const health = new Health();
  const master = createMaster({
    config: masterConfigSchema.parse({ port: 0, ...options.config }),
    store,
    clock,
    random: seededRandom(options.seed ?? 1),
    log: silentLogger,
    metrics: new Metrics(),
    health,
    ...(options.access && { access: options.access }),
    ...(options.along && { along: options.along }),
    ...(options.fail && { fail: options.fail }),
  });
  await master.start();
  const http = createHttpClient();
  const { host, port } = master.address;
  return {
    master,
    clock,
    health,
    store,
    url: `http://${host}:${port}`,
    http,
    async stop() {
      await http.close();
      await master.stop();
    },
  };
}

type Json = Readonly<Record<string, unknown>>;
export interface Event extends Json {
  readonly type: string;
}

/** An open event stream: events in the order of arrival, waited for, never polled. */
export class EventStream<E extends { readonly type: string } = Event> {
  readonly response: HttpResponse;
  readonly seen: E[] = [];
  ended = false;
  #next = 0;
  #wake: (() => void) | undefined;

  constructor(response: HttpResponse) {
    this.response = response;
    void this.#read();
  }

  get streamId(): string {
    return this.response.headers['mesos-stream-id'] ?? '';
  }

  /** The next event of this type (of any type without it); those before it are passed over. */
  async next<T extends E['type']>(type?: T): Promise<Extract<E, { type: T }>> {
    for (;;) {
      const event = this.seen[this.#next];
      if (event) {
        this.#next++;
        if (type === undefined || event.type === type) return event as Extract<E, { type: T }>;
        continue;
      }
      if (this.ended) throw new Error(`the stream ended before ${type ?? 'an event'}`);
      await this.#arrival();
    }
  }

  async end(): Promise<void> {
    while (!this.ended) await this.#arrival();
  }

  close(): void {
    this.response.cancel();
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #read(): Promise<void> {
    const decoder = new RecordDecoder();
    try {
      for await (const bytes of this.response.body) {
        for (const record of decoder.push(bytes))
          this.seen.push(JSON.parse(new TextDecoder().decode(record)) as E);
        this.#wake?.();
      }
    } catch {
      // The end of a stream we closed ourselves.
    }
    this.ended = true;
    this.#wake?.();
  }
}

export function post(
  { http, url }: Pick<RunningMaster, 'http' | 'url'>,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpResponse> {
  return http.request({
    method: 'POST',
    url: url + path,
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    timeoutMs: 0,
  });
}

export async function getJson(running: RunningMaster, path: string): Promise<Json> {
  const response = await running.http.request({ method: 'GET', url: running.url + path });
  return JSON.parse(await response.text()) as Json;
}

export async function operate(running: RunningMaster, call: Json): Promise<Json> {
  const response = await post(running, '/api/v1', call);
  const text = await response.text();
  return text === '' ? {} : (JSON.parse(text) as Json);
}

export async function watchOperator(running: RunningMaster): Promise<EventStream> {
  return new EventStream(await post(running, '/api/v1', { type: 'SUBSCRIBE' }));
}

export interface TestOffer extends Json {
  readonly id: { readonly value: string };
  readonly agent_id: { readonly value: string };
}

/** A framework over the scheduler API. */
export class TestScheduler {
  readonly stream: EventStream;
  readonly running: RunningMaster;
  id = '';

  constructor(running: RunningMaster, stream: EventStream) {
    this.running = running;
    this.stream = stream;
  }

  static async subscribe(running: RunningMaster, info: Partial<FrameworkInfo> = {}): Promise<TestScheduler> {
    const scheduler = await TestScheduler.open(running, info);
    const event = await scheduler.stream.next('SUBSCRIBED');
    scheduler.id = (event['subscribed'] as { framework_id: { value: string } }).framework_id.value;
    return scheduler;
  }

  /** Subscribe without waiting for the answer. */
  static async open(running: RunningMaster, info: Partial<FrameworkInfo> = {}): Promise<TestScheduler> {
    const response = await post(running, '/api/v1/scheduler', {
      type: 'SUBSCRIBE',
      ...(info.id ? { framework_id: info.id } : {}),
      subscribe: { framework_info: { user: 'root', name: 'test', ...info } },
    });
    return new TestScheduler(running, new EventStream(response));
  }

  async call(type: string, payload: Json = {}): Promise<HttpResponse> {
    const response = await post(
      this.running,
      '/api/v1/scheduler',
      { type, framework_id: { value: this.id }, [type.toLowerCase()]: payload },
      { 'mesos-stream-id': this.stream.streamId },
    );
    await response.text();
    return response;
  }

  /** The offers of the next OFFERS event. */
  async offers(): Promise<TestOffer[]> {
    const event = await this.stream.next('OFFERS');
    return (event['offers'] as { offers: TestOffer[] }).offers;
  }

  async offer(): Promise<TestOffer> {
    const [first] = await this.offers();
    if (!first) throw new Error('an OFFERS event without offers');
    return first;
  }

  async status(): Promise<{ state: TaskState; uuid?: string } & Json> {
    const event = await this.stream.next('UPDATE');
    return (event['update'] as { status: { state: TaskState; uuid?: string } & Json }).status;
  }
}

export function task(id: string, agentId: string, more: Json = {}): Json {
  return {
    name: id,
    task_id: { value: id },
    agent_id: { value: agentId },
    resources: [
      { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
      { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
    ],
    command: { value: 'sleep 1000' },
    ...more,
  };
}

export function agentInfo(more: Partial<AgentInfo> = {}): AgentInfo {
  const parsed = parseResources('cpus:4;mem:4096;disk:10240;ports:[31000-32000]');
  return { hostname: 'agent1.example.com', port: 5051, resources: parsed.ok ? parsed.value : [], ...more };
}

let uuids = 0;
export function nextUuid(): string {
  return Buffer.from(String(uuids++).padStart(16, '0')).toString('base64');
}

/** An agent over its own protocol: it runs nothing and says what it is told to say. */
export class TestAgent {
  readonly running: RunningMaster;
  readonly stream: EventStream<AgentEvent>;
  readonly id: string;

  constructor(running: RunningMaster, stream: EventStream<AgentEvent>, id: string) {
    this.running = running;
    this.stream = stream;
    this.id = id;
  }

  static async open(
    running: RunningMaster,
    options: {
      readonly info?: AgentInfo;
      readonly port?: number;
      readonly frameworks?: readonly FrameworkInfo[];
      readonly tasks?: readonly AgentTask[];
      readonly capabilities?: readonly { readonly type: string }[];
      readonly drain_config?: DrainConfig;
    } = {},
  ): Promise<EventStream<AgentEvent>> {
    const response = await post(running, AGENT_API_PATH, {
      type: 'SUBSCRIBE',
      subscribe: {
        agent_info: options.info ?? agentInfo(),
        address: { ip: '127.0.0.1', port: options.port ?? 5051 },
        version: '1.11.0',
        capabilities: options.capabilities ?? [{ type: 'MULTI_ROLE' }, { type: 'AGENT_DRAINING' }],
        frameworks: options.frameworks ?? [],
        tasks: options.tasks ?? [],
        ...(options.drain_config && { drain_config: options.drain_config }),
      },
    });
    return new EventStream<AgentEvent>(response);
  }

  static async subscribe(
    running: RunningMaster,
    options: Parameters<typeof TestAgent.open>[1] = {},
  ): Promise<TestAgent> {
    const stream = await TestAgent.open(running, options);
    const event = await stream.next('SUBSCRIBED');
    return new TestAgent(running, stream, event.subscribed.agent_id.value);
  }

  async call(call: Json): Promise<HttpResponse> {
    const response = await post(
      this.running,
      AGENT_API_PATH,
      { agent_id: { value: this.id }, ...call },
      { 'mesos-stream-id': this.stream.streamId },
    );
    await response.text();
    return response;
  }

  /** Send a status update of a task; resolves to its uuid. */
  async update(frameworkId: string, taskId: string, state: TaskState, more: Json = {}): Promise<string> {
    const uuid = nextUuid();
    await this.call({
      type: 'UPDATE',
      update: {
        framework_id: { value: frameworkId },
        status: {
          task_id: { value: taskId },
          state,
          source: 'SOURCE_EXECUTOR',
          executor_id: { value: taskId },
          timestamp: this.running.clock.now() / 1000,
          uuid,
          container_status: {
            container_id: { value: `container-${taskId}` },
            network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: '127.0.0.1' }] }],
            executor_pid: 4711,
          },
          ...more,
        },
        latest_state: state,
      },
    });
    return uuid;
  }
}
