import { RecordDecoder } from '../../mesos/index.ts';
import {
  asNumber,
  at,
  carryOver,
  ClusterModel,
  effectOf,
  isObject,
  keepPid,
  keepStart,
  member,
  recoveredIds,
  stateFromV1,
} from '../model/index.ts';
import type { Change, MasterEndpoint } from '../model/index.ts';
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

/**
 * One connection to the operator stream, without the connection: bytes in, cluster events out. All records that
 * arrive together become one delta.
 */
export class StreamSession {
  readonly #decoder = new RecordDecoder();
  readonly #text = new TextDecoder();
  readonly #masters: readonly MasterEndpoint[];
  readonly #leader: MasterEndpoint | undefined;
  readonly #previous: ClusterModel | undefined;
  #model: ClusterModel | undefined;
  #recovery = new Recovery(new Map());
  #heartbeatMs = DEFAULT_HEARTBEAT_SECONDS * 1000;

  /** `previous`: the last known state, for what a snapshot does not tell (when a task first ran). */
  constructor(options: {
    readonly masters: readonly MasterEndpoint[];
    readonly leader: MasterEndpoint | undefined;
    readonly previous: ClusterModel | undefined;
  }) {
    this.#masters = options.masters;
    this.#leader = options.leader;
    this.#previous = options.previous;
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

  /** What the master advertises; 15 s until it does. */
  get heartbeatMs(): number {
    return this.#heartbeatMs;
  }

  push(bytes: Uint8Array): SessionStep {
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
    for (const record of this.#decoder.push(bytes)) {
      records++;
      const event = this.#parse(record);
      if (event === undefined) return broken('a record is not JSON');
      if (member(event, 'type') === 'SUBSCRIBED') {
        // A state that is not there must never pass for an empty cluster.
        if (!isObject(at(event, 'subscribed', 'get_state', 'get_agents')))
          return broken('SUBSCRIBED has no state');
        flush();
        events.push({ kind: 'snapshot', state: ClusterModel.of(this.#subscribed(event)) });
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
    if (this.#decoder.error) return broken(`the stream is not RecordIO (${this.#decoder.error})`);
    flush();
    return { kind: 'ok', events, records };
  }

  #parse(record: Uint8Array): unknown {
    try {
      return JSON.parse(this.#text.decode(record));
    } catch {
      return undefined;
    }
  }

  #subscribed(event: unknown): ClusterModel {
    const seconds = asNumber(at(event, 'subscribed', 'heartbeat_interval_seconds'));
    if (seconds !== undefined && seconds > 0)
      this.#heartbeatMs = Math.min(seconds, MAX_HEARTBEAT_SECONDS) * 1000;
    const context = { masters: this.#masters, leader: this.#leader };
    const model = stateFromV1(at(event, 'subscribed', 'get_state'), context);
    const before = this.#model ?? this.#previous;
    if (before) {
      const recovered = recoveredIds(at(event, 'subscribed', 'get_state', 'get_agents', 'recovered_agents'));
      this.#recovery = new Recovery(carryOver(before, model, recovered));
      for (const [key, task] of model.tasks) model.tasks.set(key, keepStart(before.tasks.get(key), task));
      for (const [id, f] of model.frameworks) model.frameworks.set(id, keepPid(before.frameworks.get(id), f));
    }
    this.#model = model;
    return model;
  }
}
