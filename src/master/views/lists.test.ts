import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textPieces } from '../../core/http/long-answer.ts';
import { jsonTexts } from '../../core/json/long-list.ts';
import { runAtOnce } from '../../core/slices.ts';
import type { Work } from '../../core/slices.ts';
import { asciiJson } from '../../mesos/index.ts';
import { encodeDocument, longProtobuf } from '../../mesos/proto/index.ts';
import * as machine from '../state/index.ts';
import type { MasterState } from '../state/index.ts';
import { Driver, task } from '../testing/driver.ts';
import { clusterV0, frameworksV0, slavesV0, tasksV0 } from './lists-v0.ts';
import { agentsV1, executorsV1, frameworksV1, stateV1, tasksV1 } from './lists-v1.ts';
import { writtenAhead } from './snapshot.ts';
import { stateSummary } from './summary.ts';

type Json = Readonly<Record<string, unknown>>;

const ALL_TASKS = {
  frameworkId: undefined,
  taskId: undefined,
  offset: 1,
  limit: 7,
  ascending: true,
};

/** What answers for the whole cluster are made of. */
const VIEWS: readonly (readonly [string, (state: MasterState) => Json | Work<Json>])[] = [
  ['GET_STATE', stateV1],
  ['GET_TASKS', tasksV1],
  ['GET_AGENTS', agentsV1],
  ['GET_FRAMEWORKS', frameworksV1],
  ['GET_EXECUTORS', executorsV1],
  ['/state', clusterV0],
  ['/slaves', (state) => slavesV0(state, undefined)],
  ['/frameworks', (state) => frameworksV0(state, undefined)],
  ['/tasks', (state) => tasksV0(state, ALL_TASKS)],
  ['/state-summary', (state) => stateSummary(state, 'größer')],
];

type Happening = readonly [
  'launch' | 'says' | 'offers' | 'agent' | 'leaves' | 'lost' | 'framework' | 'teardown' | 'keep',
  number,
];

const happening: fc.Arbitrary<Happening> = fc.tuple(
  fc.constantFrom(
    'launch',
    'launch',
    'says',
    'says',
    'offers',
    'agent',
    'leaves',
    'lost',
    'framework',
    'teardown',
    'keep',
  ),
  fc.nat(1000),
);

const STATES = ['TASK_STARTING', 'TASK_RUNNING', 'TASK_FINISHED'] as const;

/** A cluster in which things happen. */
class Play {
  readonly d = new Driver();
  #count = 0;

  constructor() {
    for (const what of ['agent', 'agent', 'framework', 'framework'] as const) this.happen([what, 0]);
    for (let n = 0; n < 4; n++) this.happen(['launch', n]);
  }

  happen([what, n]: Happening): void {
    const { d } = this;
    const { state } = d;
    const agents = [...state.agents.values()];
    const frameworks = [...state.frameworks.values()];
    const agent = agents[n % Math.max(1, agents.length)];
    const framework = frameworks[n % Math.max(1, frameworks.length)];
    const id = this.#count++;
    switch (what) {
      case 'agent':
        d.agent(`a${id}`, { address: { ip: `10.0.0.${id}`, port: 5051 } });
        break;
      case 'framework':
        d.framework(`f${id}`, { name: `größer ${id}`, capabilities: [{ type: 'PARTITION_AWARE' }] });
        break;
      case 'offers':
        d.allocate();
        break;
      case 'launch':
        if (framework) this.#launch(framework, `t${id}`, n);
        break;
      case 'says': {
        const running = frameworks.flatMap((f) => [...f.tasks.values()]);
        const one = running[n % Math.max(1, running.length)];
        if (one) d.update(one.agentId, one.frameworkId, one.id, STATES[n % 3] ?? 'TASK_RUNNING', `u${id}`);
        break;
      }
      case 'leaves':
        if (agent) d.turn((step) => machine.agentStreamClosed(step, agent.streamId ?? ''));
        break;
      case 'lost':
        if (agent) d.turn((step) => machine.markUnreachable(step, agent.id));
        break;
      case 'teardown':
        if (framework) d.turn((step) => machine.removeFramework(step, framework));
        break;
      case 'keep':
        runAtOnce(writtenAhead(state));
    }
  }

  #launch(framework: machine.FrameworkEntry, id: string, n: number): void {
    const { d } = this;
    if (framework.offers.size === 0) d.allocate();
    const offer = d.state.offers.get([...framework.offers][0] ?? '');
    if (!offer) return;
    const { agentId } = offer;
    const { command, ...plain } = task(id, agentId, {
      labels: { labels: [{ key: 'ort', value: 'Köln' }] },
    });
    const executor = { executor_id: { value: `e${id}` }, command: { value: './e' } };
    const info = { ...plain, ...(n % 2 === 0 ? { command: { value: 'x', user: 'nobody' } } : { executor }) };
    const operations = [{ type: 'LAUNCH', launch: { task_infos: [info] } }];
    d.turn((step) => machine.accept(step, framework, { offer_ids: [{ value: offer.id }], operations }));
  }
}

const isWork = (made: Json | Work<Json>): made is Work<Json> =>
  'next' in made && typeof made.next === 'function';

/** The steps of the work that ends with the bytes of the JSON. */
function* jsonBytes(made: Json | Work<Json>): Generator<undefined, string, undefined> {
  const document = isWork(made) ? yield* made : made;
  const parts: Uint8Array[] = [];
  // a rest wherever there may be one
  for (const row of jsonTexts(document, asciiJson)) {
    for (const piece of textPieces([row])) if (piece) parts.push(piece);
    yield;
  }
  return Buffer.concat(parts).toString();
}

/** Does the work to its end; between two of its steps one thing happens, as long as there is one. */
function whileThingsHappen<T>(work: Work<T>, play: Play, things: readonly Happening[]): T {
  const still = [...things];
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    const next = still.shift();
    if (next) play.happen(next);
  }
}

describe.each(VIEWS)('%s', (_name, view) => {
  it('written in slices it says what was true when it was begun, whatever happens meanwhile', () => {
    let seen = 0;
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 25 }),
        fc.array(happening, { minLength: 5, maxLength: 15 }),
        (before, meanwhile) => {
          const play = new Play();
          for (const one of before) play.happen(one);
          const now = view(play.d.state);
          const expected = JSON.parse(JSON.stringify(isWork(now) ? runAtOnce(now) : now)) as unknown;
          const work = jsonBytes(view(play.d.state));
          const text = whileThingsHappen(work, play, meanwhile);
          expect(JSON.parse(text)).toEqual(expected);
          seen += text.length;
        },
      ),
      { numRuns: 60 },
    );
    expect(seen).toBeGreaterThan(5000);
  });
});

it('GET_STATE in protobuf, written in slices, is what it is written at once', () => {
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 25 }),
      fc.array(happening, { minLength: 5, maxLength: 15 }),
      (before, meanwhile) => {
        const play = new Play();
        for (const one of before) play.happen(one);
        const response = (): Json => ({ type: 'GET_STATE', get_state: stateV1(play.d.state) });
        const expected = encodeDocument(
          'application/x-protobuf',
          'master.Response',
          JSON.parse(JSON.stringify(response())),
        );
        const work = longProtobuf('master.Response', response());
        const { texts } = whileThingsHappen(work, play, meanwhile);
        const pieces = [...textPieces([texts])].filter((piece) => piece !== undefined);
        expect(Buffer.concat(pieces).equals(expected)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});
