import { describe, expect, it } from 'vitest';
import { createCatalogBuilder, stateFromV1 } from '../../src/cluster/index.ts';
import type { CatalogInput, CatalogStep } from '../../src/cluster/index.ts';
import { ClusterModel, diffStates } from '../../src/cluster/model/index.ts';
import { StreamSession } from '../../src/cluster/watch/session.ts';
import { seededRandom } from '../../src/core/random.ts';
import { encodeRecord } from '../../src/mesos/index.ts';
import { ReplaySimulator } from '../support/replay-simulator.ts';

const SEEDS = 200;
const STEPS = 150;
const CONTEXT = { masters: [], leader: undefined };

const subscribed = (master: ReplaySimulator): Uint8Array =>
  encodeRecord({ type: 'SUBSCRIBED', subscribed: { get_state: master.getState } });

/** Consumes what the watch tells, as the rest of the program would, and checks each catalog step against its diff. */
class Consumer {
  readonly state = new ClusterModel();
  readonly builder = createCatalogBuilder({ emptyServiceMs: 0 });
  readonly #folded = { agents: new Map(), frameworks: new Map(), tasks: new Map(), services: new Map() };
  version = 0;

  take(input: CatalogInput): void {
    if (input.kind === 'snapshot')
      for (const change of diffStates(this.state, input.state)) this.state.apply(change);
    if (input.kind === 'delta') for (const change of input.changes) this.state.apply(change);
    const step = this.builder.apply(input, 0);
    if (step) this.#fold(step);
  }

  #fold({ version, diff }: CatalogStep): void {
    expect(version.version).toBe(++this.version);
    const parts = [
      [this.#folded.agents, diff.agents, (v: { id: string }) => v.id],
      [this.#folded.frameworks, diff.frameworks, (v: { id: string }) => v.id],
      [this.#folded.tasks, diff.tasks, (v: { key: string }) => v.key],
      [this.#folded.services, diff.services, (v: { key: string }) => v.key],
    ] as const;
    for (const [map, set, idOf] of parts) {
      const id = idOf as (v: unknown) => string;
      for (const v of set.added) {
        expect(map.has(id(v))).toBe(false);
        map.set(id(v), v);
      }
      for (const { before, after } of set.changed) {
        expect(map.get(id(before))).toBe(before);
        map.set(id(after), after);
      }
      for (const v of set.removed) {
        expect(map.get(id(v))).toBe(v);
        map.delete(id(v));
      }
    }
  }

  /** What the diffs add up to is what the version shows, and what a builder makes of the state at one go. */
  check(): void {
    const current = this.builder.current;
    const fresh = createCatalogBuilder({ emptyServiceMs: 0 });
    fresh.apply({ kind: 'snapshot', state: this.state }, 0);
    for (const part of ['agents', 'frameworks', 'tasks', 'services'] as const) {
      const shown = new Map<string, unknown>(current[part]);
      expect(this.#folded[part]).toEqual(shown);
      expect(new Map<string, unknown>(fresh.current[part])).toEqual(shown);
    }
  }
}

function run(seed: number): { readonly resyncs: number; readonly deltas: number } {
  const random = seededRandom(seed);
  const master = new ReplaySimulator(random);
  const consumer = new Consumer();
  let session: StreamSession | undefined;
  let resyncs = 0;
  let deltas = 0;
  const feed = (bytes: Uint8Array): void => {
    if (!session) return;
    const cut = random.int(bytes.length);
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      const step = session.push(piece);
      if (step.kind !== 'ok') throw new Error(`seed ${seed}: ${step.reason}`);
      for (const event of step.events) {
        if (event.kind === 'delta') deltas++;
        consumer.take(event);
      }
    }
  };
  const connect = (): void => {
    resyncs++;
    session = new StreamSession({ ...CONTEXT, previous: consumer.state });
    feed(subscribed(master));
  };
  connect();
  for (let i = 0; i < STEPS; i++) {
    const fault = random.next();
    if (fault < 0.03 && session) {
      session = undefined;
      consumer.take({ kind: 'stale', since: i, reason: 'dropped' });
      // Not a version without a change: repeat it, and nothing may come of it.
      expect(consumer.builder.apply({ kind: 'stale', since: i, reason: 'dropped' }, 0)).toBeUndefined();
    } else if (fault < 0.1 && !session) connect();
    for (const event of master.step()) {
      feed(encodeRecord(event));
      if (fault > 0.9) feed(encodeRecord(event)); // told twice
    }
    if (!session) continue;
    const truth = stateFromV1(master.getState, CONTEXT);
    const difference = diffStates(consumer.state, truth);
    if (difference.length > 0) throw new Error(`seed ${seed} step ${i}: ${JSON.stringify(difference)}`);
    if (i % 10 === 0) consumer.check();
  }
  consumer.check();
  return { resyncs, deltas };
}

describe('watch and catalog over random histories', () => {
  it(`agree with the master after every event (${SEEDS} seeds, drops, restarts, duplicates)`, () => {
    let resyncs = 0;
    let deltas = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = run(seed);
      resyncs += result.resyncs;
      deltas += result.deltas;
    }
    expect(resyncs).toBeGreaterThan(SEEDS);
    expect(deltas).toBeGreaterThan(SEEDS * 50);
  });

  it('find a lost event at the next word about its task, and nothing else suspect', () => {
    let found = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const master = new ReplaySimulator(seededRandom(seed));
      const session = new StreamSession({ ...CONTEXT, previous: undefined });
      session.push(subscribed(master));
      let lost: string | undefined;
      for (let i = 0; i < 300; i++) {
        const outcome = master.step().map((event) => {
          const about = taskOf(event);
          if (lost === undefined && about.type === 'TASK_ADDED') {
            lost = about.id;
            return 'ok';
          }
          const { kind } = session.push(encodeRecord(event));
          if (about.id === undefined || about.id !== lost) expect(kind).toBe('ok');
          // Its end, or its return, sets the state right again; anything between shows that it was missed.
          else if (about.type === 'TASK_ADDED' || /FAILED|LOST/.test(about.state)) return 'over';
          else expect(kind).toBe('broken');
          return kind;
        });
        if (outcome.includes('broken')) found++;
        if (outcome.some((o) => o !== 'ok')) break;
      }
    }
    expect(found).toBeGreaterThan(50);
  });
});

interface Telling {
  readonly type: string;
  readonly id: string | undefined;
  readonly state: string;
}

function taskOf(event: unknown): Telling {
  const e = event as {
    readonly type: string;
    readonly task_added?: { readonly task: { readonly task_id: { readonly value: string } } };
    readonly task_updated?: {
      readonly state: string;
      readonly status: { readonly task_id: { readonly value: string } };
    };
  };
  const id = e.task_added?.task.task_id.value ?? e.task_updated?.status.task_id.value;
  return { type: e.type, id, state: e.task_updated?.state ?? '' };
}
