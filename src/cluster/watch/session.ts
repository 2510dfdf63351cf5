import { runAtOnce } from '../../core/slices.ts';
import type { Work } from '../../core/slices.ts';
import { RecordCutter, RecordJoiner } from '../../mesos/index.ts';
import type { RecordPart } from '../../mesos/index.ts';
import {
  asNumber,
  at,
  carryOver,
  copyOf,
  effectOf,
  isObject,
  keepPid,
  keepStart,
  member,
  recoveredIds,
  stateFromV1,
} from '../model/index.ts';
import type { Change, ClusterModel, MasterEndpoint } from '../model/index.ts';
import { DocumentReader } from './document/index.ts';
import { Recovery } from './recovery.ts';
import type { ClusterEvent } from './types.ts';

export type SessionStep =
  | { readonly kind: 'ok'; readonly events: readonly ClusterEvent[]; readonly records: number }
  /** This never was an operator stream. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The state can no longer be trusted: connect again. Events up to there are still good. */
  | { readonly kind: 'broken'; readonly reason: string; readonly events: readonly ClusterEvent[] };

const DEFAULT_HEARTBEAT_SECONDS = 15;
const MAX_HEARTBEAT_SECONDS = 3_600;

/** A record of this size is taken apart as it arrives. Only states are that large. */
const LARGE_BYTES = 64 * 1024;
/** As many tasks are looked at between two points where the work may rest. */
const PER_STEP = 512;

/** A record that was read: as a whole, or without the tasks and agents that its reader has. */
interface Arrived {
  readonly event: unknown;
  readonly reader: DocumentReader | undefined;
}

/**
 * One connection to the operator stream, without the connection: bytes in, cluster events out. All records that
 * arrive together become one delta.
 */
export class StreamSession {
  readonly #cutter = new RecordCutter();
  readonly #joiner = new RecordJoiner();
  readonly #largeBytes: number;
  readonly #seed: number;
  #reader: DocumentReader | undefined;
  readonly #text = new TextDecoder();
  readonly #masters: readonly MasterEndpoint[];
  readonly #leader: MasterEndpoint | undefined;
  readonly #beganEmpty: boolean;
  readonly #previous: ClusterModel | undefined;
  #model: ClusterModel | undefined;
  #recovery = new Recovery(new Map());
  #heartbeatMs = DEFAULT_HEARTBEAT_SECONDS * 1000;

  /**
   * `beganEmpty`: the master had nothing in its registry, so agents it does not name may come back. `previous`: the last known state, for what a snapshot does not tell (when a task first ran). `seed`: any number that
   * nobody outside knows. `largeBytes`: from which size on a record is taken apart as it arrives.
   */
  constructor(options: {
    readonly masters: readonly MasterEndpoint[];
    readonly leader: MasterEndpoint | undefined;
    readonly previous: ClusterModel | undefined;
    readonly beganEmpty?: boolean;
    readonly seed?: number;
    readonly largeBytes?: number;
  }) {
    this.#masters = options.masters;
    this.#leader = options.leader;
    this.#beganEmpty = options.beganEmpty ?? false;
    this.#previous = options.previous;
    this.#seed = options.seed ?? 0;
    this.#largeBytes = options.largeBytes ?? LARGE_BYTES;
  }

  /** The state as of the last event; undefined before the first snapshot. */
  get model(): ClusterModel | undefined {
    return this.#model;
  }

  /** Agents and tasks that are remembered from before a fail-over. */
  get recovery(): Recovery {
    return this.#recovery;
  }

  /** Set when the connection is given up: nothing may change the model any more. */
  over = false;

  /** Set while bytes are worked on, with rests: what they mean is not told yet, and nothing else may be told now. */
  busy = false;

  /** What the master advertises; 15 s until it does. */
  get heartbeatMs(): number {
    return this.#heartbeatMs;
  }

  push(bytes: Uint8Array): SessionStep {
    return runAtOnce(this.steps(bytes));
  }

  /** As `push`, with rests. One call at a time. */
  *steps(bytes: Uint8Array): Work<SessionStep> {
    this.busy = true;
    try {
      return yield* this.#steps(bytes);
    } finally {
      this.busy = false;
    }
  }

  *#steps(bytes: Uint8Array): Work<SessionStep> {
    const events: ClusterEvent[] = [];
    let changes: Change[] = [];
    let records = 0;
    const flush = (): void => {
      if (changes.length > 0) events.push({ kind: 'delta', changes });
      changes = [];
    };
    const broken = (reason: string): SessionStep => {
      flush();
      return this.#model ? { kind: 'broken', reason, events } : { kind: 'refused', reason };
    };
    for (const part of this.#cutter.push(bytes)) {
      const arrived = yield* this.#arrived(part);
      if (!arrived) continue;
      records++;
      const { event } = arrived;
      if (event === undefined) return broken('a record is not JSON');
      if (member(event, 'type') === 'SUBSCRIBED') {
        // A state that is not there must never pass for an empty cluster.
        if (!isObject(at(event, 'subscribed', 'get_state', 'get_agents')))
          return broken('SUBSCRIBED has no state');
        flush();
        events.push({ kind: 'snapshot', state: yield* copyOf(yield* this.#subscribed(arrived)) });
        continue;
      }
      const model: ClusterModel | undefined = this.#model;
      if (!model) return broken('the stream does not begin with SUBSCRIBED');
      const effect = effectOf(model, event);
      if (effect.kind === 'inconsistent') return broken(effect.reason);
      for (const change of [...effect.changes, ...this.#recovery.after(event)]) {
        model.apply(change);
        changes.push(change);
      }
    }
    if (this.#cutter.error) return broken(`the stream is not RecordIO (${this.#cutter.error})`);
    flush();
    return { kind: 'ok', events, records };
  }

  /** The record that is whole with this part. */
  *#arrived(part: RecordPart): Work<Arrived | undefined> {
    if (part.length < this.#largeBytes) {
      const record = this.#joiner.add(part);
      return record && { event: this.#parse(record), reader: undefined };
    }
    if (part.first || !this.#reader) {
      this.#reader = new DocumentReader(this.#seed);
      this.#reader.begin('v1');
    }
    const reader = this.#reader;
    yield* reader.push(part.bytes);
    if (!part.last) return undefined;
    this.#reader = undefined;
    return { event: reader.end(), reader };
  }

  #parse(record: Uint8Array): unknown {
    try {
      return JSON.parse(this.#text.decode(record));
    } catch {
      return undefined;
    }
  }

  *#subscribed({ event, reader }: Arrived): Work<ClusterModel> {
    const seconds = asNumber(at(event, 'subscribed', 'heartbeat_interval_seconds'));
    if (seconds !== undefined && seconds > 0)
      this.#heartbeatMs = Math.min(seconds, MAX_HEARTBEAT_SECONDS) * 1000;
    const context = { masters: this.#masters, leader: this.#leader };
    const getState = at(event, 'subscribed', 'get_state');
    const model = reader ? yield* reader.stateV1(getState, context) : stateFromV1(getState, context);
    const before = this.#model ?? this.#previous;
    if (before) {
      const recovered = this.#beganEmpty
        ? new Set(before.agents.keys())
        : recoveredIds(at(event, 'subscribed', 'get_state', 'get_agents', 'recovered_agents'));
      this.#recovery = new Recovery(carryOver(before, model, recovered));
      let seen = 0;
      for (const [key, task] of model.tasks) {
        const kept = keepStart(before.tasks.get(key), task);
        if (kept !== task) model.tasks.set(key, kept);
        if (++seen % PER_STEP === 0) yield;
      }
      for (const [id, f] of model.frameworks) model.frameworks.set(id, keepPid(before.frameworks.get(id), f));
    }
    this.#model = model;
    return model;
  }
}
