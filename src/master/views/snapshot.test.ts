import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textPieces } from '../../core/http/long-answer.ts';
import type { Pieces } from '../../core/http/long-answer.ts';
import type { StreamResponse } from '../../core/http/stream-response.ts';
import type { MediaType } from '../../core/http/v1-calls.ts';
import { runAtOnce } from '../../core/slices.ts';
import type { Rest } from '../../core/slices.ts';
import { jsonTexts } from '../../core/json/long-list.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { asciiJson, RecordDecoder } from '../../mesos/index.ts';
import type { AgentTask, TaskState } from '../../mesos/index.ts';
import { decodeProtobuf, recordEncoder } from '../../mesos/proto/index.ts';
import type { AgentSubscribe } from '../input/agent-call.ts';
import { masterConfigSchema } from '../config.ts';
import { masterInfo } from '../master-info.ts';
import { newState, newStep, statusUpdate, subscribeAgent, subscribeFramework } from '../state/index.ts';
import type { MasterState, Step } from '../state/index.ts';
import { TaskEntry } from '../state/task-entry.ts';
import { Streams } from '../streams.ts';
import { agentInfo } from '../testing/peers.ts';
import { stateV1, subscribedV1 } from './lists-v1.ts';
import { subscribedRecord, writtenAhead } from './snapshot.ts';

const POLICY = {
  heartbeatSeconds: 15,
  pingIntervalSeconds: 15,
  maxPingTimeouts: 5,
  allocationIntervalMs: 1000,
  offerTimeoutMs: undefined,
  maxCompletedFrameworks: 3,
  maxCompletedTasksPerFramework: 5,
  maxUnreachableTasksPerFramework: 5,
  minAllocatable: [],
  rootSubmissions: true,
  recoveryRemovalLimitPercent: 100,
  filterGpuResources: true,
  compileRegex: () => 'not needed',
};

/** A master's state with what it tells operators. */
class Cluster {
  readonly state: MasterState = newState(masterInfo(masterConfigSchema.parse({}), 'M', 5050), POLICY);
  readonly streams = new Streams(new FakeClock());
  #uuids = 0;
  #now = 1_000_000;

  constructor(agents: number, tasks: number) {
    const info = { user: 'u', name: 'größer', failover_timeout: 100, checkpoint: true, role: '*' };
    this.turn((step) => subscribeFramework(step, info, [], 'f'));
    for (let i = 0; i < agents; i++) this.agentComes(i, tasks);
  }

  turn(f: (step: Step) => void): void {
    const step = newStep(this.state, this.#now, this.#now);
    this.#now += 10;
    f(step);
    for (const effect of step.effects) if (effect.kind === 'operators') this.streams.broadcast(effect.event);
  }

  /** It brings its tasks with it. */
  agentComes(i: number, tasks: number): void {
    const id = { value: `M-S${i}` };
    const call: AgentSubscribe = {
      agent_info: { ...agentInfo({ hostname: `agent${i}` }), id },
      address: { ip: `10.0.0.${i}`, port: 5051 },
      version: '1.11.0',
      capabilities: [],
      frameworks: [...this.state.frameworks.values()].map((f) => ({ ...f.info, id: { value: f.id } })),
      tasks: Array.from({ length: tasks }, (_, n) => this.#task(`t${i}-${n}`, id)),
    };
    this.turn((step) => subscribeAgent(step, call.agent_info, call, `a${i}`));
  }

  #task(id: string, agent_id: { readonly value: string }): AgentTask {
    return {
      framework_id: { value: [...this.state.frameworks.keys()][0] ?? '' },
      task: { name: 'ünïcode', task_id: { value: id }, agent_id, resources: [], command: { value: 'x' } },
      state: 'TASK_RUNNING',
    };
  }

  taskSays(n: number, state: TaskState): void {
    const tasks = [...this.state.frameworks.values()].flatMap((f) => [...f.tasks.values()]);
    const task = tasks[n % Math.max(1, tasks.length)];
    const agent = this.state.agents.get(task?.agentId ?? '');
    if (!task || !agent) return;
    const update = {
      framework_id: { value: task.frameworkId },
      status: { task_id: { value: task.id }, state, uuid: `${this.#uuids++}` },
      latest_state: state,
    };
    this.turn((step) => statusUpdate(step, agent, update));
  }

  /** What the master would tell somebody who asks now. */
  told(): string {
    return known(JSON.parse(JSON.stringify(stateV1(this.state))) as State);
  }
}

type Task = { task_id: { value: string }; state: string; statuses?: { state: string; uuid?: string }[] };
interface State {
  readonly get_tasks: { readonly tasks: Task[] };
  readonly get_agents: { readonly agents: { agent_info: { id: { value: string } } }[] };
}

/** Tasks by id, with their state and the states they were in; and agents. */
function known({ get_tasks, get_agents }: State): string {
  const tasks = get_tasks.tasks.map((t) => `${t.task_id.value} ${t.state} ${t.statuses?.at(-1)?.state}`);
  return JSON.stringify([tasks.sort(), get_agents.agents.map((a) => a.agent_info.id.value).sort()]);
}

type Told = { readonly type: string } & Readonly<Record<string, unknown>>;

function eventOf(record: Uint8Array, form: MediaType): Told {
  if (form !== 'application/json') return decodeProtobuf('master.Event', record) as Told;
  // every character is a byte
  expect(Buffer.from(record).every((byte) => byte < 0x7f)).toBe(true);
  return JSON.parse(Buffer.from(record).toString()) as Told;
}

/** An operator who puts together what the stream says. */
class Watcher implements StreamResponse {
  readonly closed = false;
  pieces = 0;
  isFull = false;
  ended = false;
  readonly #decoder = new RecordDecoder();
  readonly #tasks = new Map<string, Task>();
  readonly #agents = new Map<string, { agent_info: { id: { value: string } } }>();
  readonly records: Told[] = [];

  readonly #form: MediaType;

  constructor(form: MediaType) {
    this.#form = form;
  }

  write(piece: string | Uint8Array): boolean {
    this.pieces++;
    for (const record of this.#decoder.push(piece as Uint8Array)) this.#take(eventOf(record, this.#form));
    return true;
  }

  drained(): Promise<void> {
    return Promise.resolve();
  }

  end(): void {
    this.ended = true;
  }

  #take(event: Told): void {
    this.records.push(event);
    if (event.type === 'SUBSCRIBED') {
      const { get_tasks, get_agents } = (event['subscribed'] as { get_state: State }).get_state;
      for (const task of get_tasks.tasks) this.#tasks.set(task.task_id.value, task);
      for (const agent of get_agents.agents) this.#agents.set(agent.agent_info.id.value, agent);
    }
    if (event.type === 'AGENT_ADDED') {
      const { agent } = event['agent_added'] as { agent: { agent_info: { id: { value: string } } } };
      this.#agents.set(agent.agent_info.id.value, agent);
    }
    if (event.type === 'TASK_ADDED') {
      const { task } = event['task_added'] as { task: Task };
      this.#tasks.set(task.task_id.value, task);
    }
    if (event.type === 'TASK_UPDATED') {
      const { status, state } = event['task_updated'] as {
        status: { state: string; task_id: { value: string } };
        state: string;
      };
      const task = this.#tasks.get(status.task_id.value);
      // nothing is told of a task that was not told of before
      expect(task).toBeDefined();
      if (task) this.#tasks.set(task.task_id.value, { ...task, state, statuses: [status] });
    }
  }

  known(): string {
    return known({
      get_tasks: { tasks: [...this.#tasks.values()] },
      get_agents: { agents: [...this.#agents.values()] },
    });
  }
}

const made = (pieces: Pieces): Uint8Array[] => [...pieces].filter((piece) => piece !== undefined);

/** Whoever rests gives the others their turn: here they do what the list says. */
function resting(due: () => boolean, meanwhile: () => void): Rest {
  return {
    due,
    take: () => {
      meanwhile();
      return Promise.resolve();
    },
  };
}

const STATES = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_KILLING'] as const;

const FORMS: readonly MediaType[] = ['application/json', 'application/x-protobuf'];

describe.each(FORMS)('the first record of an operator stream, %s', (form) => {
  it('says what the whole state says, as it was when it was asked for', () => {
    const cluster = new Cluster(3, 40);
    const before = recordEncoder(
      form,
      'master.Event',
    )(JSON.parse(JSON.stringify(subscribedV1(cluster.state, 15))));
    const work = subscribedRecord(cluster.state, 15, form);
    work.next();
    for (let n = 0; n < 50; n++) cluster.taskSays(n, 'TASK_KILLING');
    cluster.agentComes(7, 2);
    const bytes = Buffer.concat(made(work));
    const [record] = new RecordDecoder().push(bytes);
    const [expected] = new RecordDecoder().push(before);
    expect(eventOf(record ?? bytes, form)).toEqual(eventOf(expected ?? bytes, form));
    expect(bytes.length).toBe(before.length);
  });

  it('is one piece while it is short, and pieces of bounded length when it is long', () => {
    expect(made(subscribedRecord(new Cluster(1, 5).state, 15, form))).toHaveLength(1);
    const long = made(subscribedRecord(new Cluster(20, 500).state, 15, form));
    expect(long.length).toBeGreaterThan(1);
    expect(Math.max(...long.map((p) => p.length))).toBeLessThan(600_000);
  });

  it('whatever happens meanwhile, the watcher knows in the end what the master knows, in order', async () => {
    const happening = fc.record({
      what: fc.constantFrom('says', 'says', 'says', 'agent'),
      n: fc.nat(500),
      state: fc.constantFrom(...STATES),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(happening, { maxLength: 5 }), { maxLength: 20 }),
        fc.array(fc.boolean(), { minLength: 1 }),
        fc.boolean(),
        async (turns, dues, slow) => {
          const cluster = new Cluster(3, 100);
          // some of it was written before, and has changed since or not
          runAtOnce(writtenAhead(cluster.state));
          cluster.taskSays(3, 'TASK_KILLING');
          const watcher = new Watcher(form);
          watcher.isFull = slow;
          let agents = 100;
          let looks = 0;
          const play = (): void => {
            for (const { what, n, state } of turns.shift() ?? []) {
              if (what === 'agent') cluster.agentComes(agents++, 2);
              else cluster.taskSays(n, state);
            }
          };
          cluster.streams.add('w', watcher, { encode: recordEncoder(form, 'master.Event') });
          await cluster.streams.sendLong(
            'w',
            subscribedRecord(cluster.state, 15, form),
            resting(() => dues[looks++ % dues.length] === true, play),
          );
          while (turns.length > 0) play();
          expect(watcher.records[0]?.type).toBe('SUBSCRIBED');
          expect(watcher.known()).toBe(cluster.told());
        },
      ),
      { numRuns: 60 },
    );
  });

  it('nothing is sent any more when the master has stopped to lead meanwhile', async () => {
    let leads = true;
    const cluster = new Cluster(2, 100);
    const streams = new Streams(new FakeClock(), () => leads);
    const watcher = new Watcher(form);
    streams.add('w', watcher);
    const rest = resting(
      () => true,
      () => (leads = false),
    );
    await streams.sendLong('w', subscribedRecord(cluster.state, 15, form), rest);
    expect(watcher.pieces).toBe(0);
    expect(watcher.ended).toBe(true);
  });
});

describe('what is written ahead', () => {
  it('is not written again; what has changed since is', () => {
    const cluster = new Cluster(3, 40);
    const tasks = (): unknown[] =>
      [...cluster.state.frameworks.values()].flatMap((f) => Array.from(f.tasks.values(), (t) => t.picture()));
    runAtOnce(writtenAhead(cluster.state));
    const kept = tasks();
    expect(kept.filter((one) => one instanceof TaskEntry)).toEqual([]);
    cluster.taskSays(7, 'TASK_KILLING');
    const state = JSON.parse(JSON.stringify(stateV1(cluster.state))) as unknown;
    const written = Buffer.concat(made(textPieces(jsonTexts(stateV1(cluster.state), asciiJson)))).toString();
    expect(JSON.parse(written)).toEqual(state);
    runAtOnce(writtenAhead(cluster.state));
    expect(tasks().flatMap((text, i) => (text === kept[i] ? [] : i))).toEqual([7]);
  });
});
