import { runAtOnce } from '../../core/slices.ts';
import type { Work } from '../../core/slices.ts';
import type { Change, ClusterState } from '../model/index.ts';
import { sameValue, stepsBetween } from '../model/index.ts';
import { Declarations } from './declarations.ts';
import { Holding } from './holding.ts';
import type { OutsideNews } from './outside.ts';
import { ServiceTable } from './services.ts';
import { Step } from './step.ts';
import type { CatalogDiff, CatalogVersion, MasterAddress, Staleness } from './types.ts';

export interface CatalogBuilderOptions {
  /** How long a service without instances stays, unless its framework declares what it has. Milliseconds. */
  readonly emptyServiceMs: number;
}

/** What the builder is fed with; `ClusterEvent` of the watch has this shape. */
export type CatalogInput =
  | { readonly kind: 'snapshot'; readonly state: ClusterState }
  | { readonly kind: 'delta'; readonly changes: readonly Change[] }
  | { readonly kind: 'stale'; readonly since: number; readonly reason: string }
  /** From a scheduler itself, past the master. */
  | (OutsideNews & { readonly kind: 'declared' });

export interface CatalogStep {
  readonly version: CatalogVersion;
  readonly diff: CatalogDiff;
}

/**
 * Turns what the watch tells into catalog versions. The work of a step is proportional to what changed: the entities
 * named, the tasks of agents and frameworks among them, and the services of those tasks.
 */
export interface CatalogBuilder {
  readonly current: CatalogVersion;
  /** All that is known, as it is now: a view for whoever wants to keep it. */
  readonly state: ClusterState;
  /** Undefined when the step changes nothing that the catalog shows. */
  apply(input: CatalogInput, nowMs: number): CatalogStep | undefined;
  /**
   * As `apply`, with rests: until it has ended, `current` and `state` are those of before, also of a step that changes
   * all of a large cluster. Nothing else may be applied meanwhile, and `tick` does nothing.
   */
  steps(input: CatalogInput, nowMs: number): Work<CatalogStep | undefined>;
  /** Let services that stayed empty for too long go. */
  tick(nowMs: number): CatalogStep | undefined;
}

export function createCatalogBuilder(options: CatalogBuilderOptions): CatalogBuilder {
  return new Builder(options);
}

/** A step of more changes than this is made on a copy, with rests, and shown when it is complete. */
const LARGE = 500;

class Builder implements CatalogBuilder {
  #holding = new Holding();
  readonly #declarations = new Declarations();
  readonly #table: ServiceTable;
  #leader: MasterAddress | undefined;
  #masters: readonly MasterAddress[] = [];
  #stale: Staleness | undefined;
  #version = 0;
  #working = false;
  #current: CatalogVersion;
  #state: ClusterState;

  constructor(options: CatalogBuilderOptions) {
    this.#table = new ServiceTable(this.#declarations, options.emptyServiceMs);
    this.#current = this.#view();
    this.#state = this.#holding.state({ leader: undefined, masters: [] });
  }

  get current(): CatalogVersion {
    return this.#current;
  }

  get state(): ClusterState {
    return this.#state;
  }

  apply(input: CatalogInput, nowMs: number): CatalogStep | undefined {
    return runAtOnce(this.steps(input, nowMs));
  }

  *steps(input: CatalogInput, nowMs: number): Work<CatalogStep | undefined> {
    if (this.#working) throw new Error('the step before is not yet complete');
    this.#working = true;
    try {
      return yield* this.#steps(input, nowMs);
    } finally {
      this.#working = false;
      this.#table.clear();
    }
  }

  *#steps(input: CatalogInput, nowMs: number): Work<CatalogStep | undefined> {
    if (input.kind === 'stale') return this.#setStale({ sinceMs: input.since, reason: input.reason });
    if (input.kind === 'declared') return yield* this.#takeOutside(input, nowMs);
    const first = input.kind === 'snapshot' && this.#version === 0;
    if (first) this.#touchTold();
    if (first && this.#holding.isEmpty) return yield* this.#load(input.state, nowMs);
    const before = this.#holding.state({ leader: this.#leader, masters: this.#masters });
    const changes = input.kind === 'snapshot' ? yield* stepsBetween(before, input.state) : input.changes;
    const large = changes.length > LARGE;
    const holding = large ? yield* this.#holding.copy() : this.#holding;
    const step = new Step(holding, this.#declarations, this.#table);
    let leader = this.#leader;
    let masters = this.#masters;
    if (input.kind === 'snapshot' && !sameValue(masters, input.state.masters)) masters = input.state.masters;
    for (const [i, change] of changes.entries()) {
      if (change.kind === 'leader') leader = change.value;
      if (change.kind === 'masters' && !sameValue(masters, change.value)) masters = change.value;
      step.take(change);
      if (large && i % LARGE === 0) yield;
    }
    yield* step.derive(nowMs, large);
    const mastersChanged = masters !== this.#masters || !sameValue(leader, this.#leader);
    const staleChanged = this.#stale !== undefined;
    this.#show(holding, leader, masters);
    return this.#publish(step, { mastersChanged, staleChanged }, first);
  }

  /** The first state of all: as from nothing to it, without a list of changes that names everything. */
  *#load(state: ClusterState, nowMs: number): Work<CatalogStep | undefined> {
    const holding = new Holding();
    const step = new Step(holding, this.#declarations, this.#table);
    step.load(state);
    yield* step.derive(nowMs, true);
    const { leader, masters } = state;
    const mastersChanged = !sameValue(masters, this.#masters) || !sameValue(leader, this.#leader);
    const staleChanged = this.#stale !== undefined;
    this.#show(holding, leader, masters);
    return this.#publish(step, { mastersChanged, staleChanged }, true);
  }

  /** What schedulers told before there was a first state is shown with it. */
  #touchTold(): void {
    for (const key of this.#declarations.outside.keys()) this.#table.touch(key);
  }

  /** Says nothing about the master: what is stale stays so. */
  *#takeOutside(news: OutsideNews, nowMs: number): Work<CatalogStep | undefined> {
    const large = news.services.size + news.alive.size > LARGE;
    const holding = large ? yield* this.#holding.copy() : this.#holding;
    const step = new Step(holding, this.#declarations, this.#table);
    step.takeOutside(news);
    if (this.#version === 0) return undefined;
    yield* step.derive(nowMs, large);
    this.#holding = holding;
    this.#state = holding.state({ leader: this.#leader, masters: this.#masters });
    return this.#publish(step, UNCHANGED, false);
  }

  #show(holding: Holding, leader: MasterAddress | undefined, masters: readonly MasterAddress[]): void {
    this.#holding = holding;
    this.#leader = leader;
    this.#masters = masters;
    this.#stale = undefined;
    this.#state = holding.state({ leader, masters });
  }

  tick(nowMs: number): CatalogStep | undefined {
    if (this.#working) return undefined;
    const services = this.#table.expired(nowMs);
    if (services.length === 0) return undefined;
    const step = new Step(this.#holding, this.#declarations, this.#table);
    for (const key of services) this.#table.touch(key);
    runAtOnce(step.derive(nowMs, false));
    this.#table.clear();
    return this.#publish(step, UNCHANGED, false);
  }

  #setStale(stale: Staleness): CatalogStep | undefined {
    if (sameValue(this.#stale, stale)) return undefined;
    this.#stale = stale;
    const step = new Step(this.#holding, this.#declarations, this.#table);
    return this.#publish(step, { ...UNCHANGED, staleChanged: true }, false);
  }

  #publish(
    step: Step,
    flags: { readonly mastersChanged: boolean; readonly staleChanged: boolean },
    first: boolean,
  ): CatalogStep | undefined {
    if (!step.changed && !flags.mastersChanged && !flags.staleChanged && !first) return undefined;
    // Until the first snapshot there is nothing to have a version of, only a reason why there is none.
    if (this.#version > 0 || first) this.#version++;
    this.#current = this.#view();
    return { version: this.#current, diff: step.diff(flags) };
  }

  #view(): CatalogVersion {
    const { agents, frameworks, tasks, services, rejected } = this.#holding;
    return {
      version: this.#version,
      agents,
      frameworks,
      tasks,
      services,
      leader: this.#leader,
      masters: this.#masters,
      rejected,
      stale: this.#stale,
    };
  }
}

const UNCHANGED = { mastersChanged: false, staleChanged: false };
