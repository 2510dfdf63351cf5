import type { Clock, Timer } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Random } from '../core/random.ts';
import type { Work } from '../core/slices.ts';
import { errors } from './errors.ts';
import { finishDrain } from './operator/agents.ts';
import type { RegistryWork, Transition } from './operator/work.ts';
import { GivingUp } from './giving-up.ts';
import type { RemovalRate } from './giving-up.ts';
import type { Registry } from './registry.ts';
import {
  count,
  markUnreachable,
  newStep,
  offerInversely,
  pingAgents,
  runAllocation,
  tick,
} from './state/index.ts';
import type { Effect, MasterState, Step } from './state/index.ts';
import { Streams } from './streams.ts';
import { writtenAhead } from './views/snapshot.ts';

/** An allocation that events ask for waits until the one before is this many times as long ago as it took. */
const ALLOCATION_REST = 3;
/** Milliseconds. A run seems to take hours when the process was stopped in the middle of it. */
const LONGEST_REST_MS = 10_000;
/** So many agents are pinged at once; more of them in turns, over the interval. */
const PINGS_AT_ONCE = 500;
/** Milliseconds of work, between two of them, and between the end and looking again for what has changed. */
const AHEAD = { workMs: 5, pauseMs: 25, againMs: 500 };
const REGISTRY_GC_MS = 15 * 60 * 1000;
const REGISTRY_MAX_AGE_MS = 14 * 24 * 3600 * 1000;

interface EngineParts {
  readonly state: MasterState;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How fast agents may be given up; as fast as can be without it. */
  readonly removalRate?: RemovalRate | undefined;
  /** Whether what it says may be said: it leads; always without it. */
  readonly mayTell?: (() => boolean) | undefined;
  /** There is no point in going on. */
  readonly fail?: ((error: Error) => void) | undefined;
}

/** Drives the pure state machine: gives it the time, carries out its effects, runs its timers. */
export class Engine implements RegistryWork {
  readonly state: MasterState;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  /** Streams of schedulers and agents. */
  readonly streams: Streams;
  /** Streams of operators. */
  readonly operators: Streams;
  readonly #random: Random;
  readonly #queue: Effect[] = [];
  readonly #givingUp: GivingUp;
  readonly #transitions = new Map<string, Transition>();
  readonly #fail: (error: Error) => void;
  readonly #timers: Timer[] = [];
  #performing = false;
  #stopping = false;
  #allocation: Timer | undefined;
  /** Monotonic time until which the allocator rests. */
  #restsUntil = Number.NEGATIVE_INFINITY;
  #pings: Timer | undefined;
  #ahead: Timer | undefined;
  #writes: Promise<unknown> = Promise.resolve();
  /** Runs of the allocator so far. */
  allocationRuns = 0;

  constructor(parts: EngineParts) {
    this.state = parts.state;
    this.registry = parts.registry;
    this.clock = parts.clock;
    this.log = parts.log;
    this.#random = parts.random;
    this.streams = new Streams(parts.clock, parts.mayTell);
    this.operators = new Streams(parts.clock, parts.mayTell);
    this.#fail = parts.fail ?? (() => {});
    this.#givingUp = new GivingUp({
      clock: parts.clock,
      rate: parts.removalRate,
      missing: (agentId) => this.#silent(agentId),
      giveUp: (agentId) => this.#giveUp(agentId),
      count: (what) => this.turn((step) => count(step, `master/slave_unreachable_${what}`)),
    });
  }

  uuid(): string {
    return this.#random.uuid();
  }

  /** One step of the state machine and what follows from it. */
  turn<T>(f: (step: Step) => T): T {
    const step = newStep(this.state, this.clock.now(), this.clock.monotonic());
    const result = f(step);
    this.#perform(step.effects);
    return result;
  }

  /** Registry writes one after the other, each with the step that follows it. */
  inOrder<T>(f: () => Promise<T>): Promise<T> {
    const run = this.#writes.then(f);
    this.#writes = run.catch(() => {});
    return run;
  }

  /** What is being written of an agent just now. */
  transitionOf(agentId: string): Transition | undefined {
    return this.#transitions.get(agentId);
  }

  /** As `inOrder`, for a change of one agent that excludes any other meanwhile. */
  async inTransition<T>(agentId: string, kind: Transition, f: () => Promise<T>): Promise<T> {
    this.#transitions.set(agentId, kind);
    try {
      return await this.inOrder(f);
    } finally {
      this.#transitions.delete(agentId);
    }
  }

  /**
   * A stream of a scheduler or an agent is closed. When we close it ourselves because the master stops, that says nothing
   * about the peer: it will look for the next master, and its tasks must go on.
   */
  streamClosed(streamId: string, f: (step: Step, streamId: string) => void): void {
    this.streams.forget(streamId);
    if (!this.#stopping) this.turn((step) => f(step, streamId));
  }

  startTimers(): void {
    const { policy } = this.state;
    this.#timers.push(
      this.clock.every(policy.allocationIntervalMs, () => {
        this.turn(tick);
        this.#allocateSoon();
      }),
      this.clock.every(policy.pingIntervalSeconds * 1000, () => this.#ping()),
      this.clock.every(REGISTRY_GC_MS, () => this.#collectGarbage()),
    );
    this.#writeAheadAfter(AHEAD.againMs);
  }

  /** Nothing happens by itself from now on. */
  stopTimers(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#pings?.cancel();
    this.#ahead?.cancel();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.stopTimers();
    this.#allocation?.cancel();
    this.#givingUp.stop();
    this.operators.endAll();
    this.streams.endAll();
    await this.#writes;
  }

  #perform(effects: readonly Effect[]): void {
    this.#queue.push(...effects);
    if (this.#performing) return;
    this.#performing = true;
    try {
      for (let effect = this.#queue.shift(); effect; effect = this.#queue.shift()) this.#one(effect);
    } finally {
      this.#performing = false;
    }
  }

  #one(effect: Effect): void {
    switch (effect.kind) {
      case 'send':
        return this.streams.send(effect.streamId, effect.event);
      case 'end':
        return this.streams.end(effect.streamId);
      case 'operators':
        return this.operators.broadcast(effect.event);
      case 'allocate':
        return this.#allocateLater(Math.max(0, this.#restsUntil - this.clock.monotonic()));
      case 'give-up-agent':
        if (!this.#transitions.has(effect.agentId)) this.#givingUp.schedule(effect.agentId);
        return;
      case 'keep-agent':
        return this.#givingUp.cancel(effect.agentId);
      case 'drained':
        return finishDrain(this, effect.agentId);
      case 'too-many-lost':
        return this.#endForLoss(effect.lost, effect.total);
    }
  }

  /** Now, unless it has to rest: where a run takes long, agents that come back in thousands must not have it run all the time. */
  #allocateSoon(): void {
    const restMs = this.#restsUntil - this.clock.monotonic();
    if (restMs <= 0) this.#allocate();
    else this.#allocateLater(restMs);
  }

  #allocateLater(ms: number): void {
    this.#allocation ??= this.clock.after(ms, () => this.#allocate());
  }

  #writeAheadAfter(ms: number, work?: Work<void>): void {
    this.#ahead = this.clock.after(ms, () => this.#writeAhead(work));
  }

  /** Who opens an operator stream must not wait until a large state is written: whatever changes is written soon after. */
  #writeAhead(work?: Work<void>): void {
    const until = this.clock.monotonic() + AHEAD.workMs;
    const going = work ?? writtenAhead(this.state);
    while (!going.next().done)
      if (this.clock.monotonic() >= until) return this.#writeAheadAfter(AHEAD.pauseMs, going);
    this.#writeAheadAfter(AHEAD.againMs);
  }

  #ping(): void {
    this.#pings?.cancel();
    const ids = [...this.state.agents.keys()];
    const turns = Math.ceil(ids.length / PINGS_AT_ONCE);
    const gapMs = (this.state.policy.pingIntervalSeconds * 1000) / (turns + 1);
    const from = (first: number): void => {
      this.turn((step) => pingAgents(step, ids.slice(first, first + PINGS_AT_ONCE)));
      const next = first + PINGS_AT_ONCE;
      if (next < ids.length) this.#pings = this.clock.after(gapMs, () => from(next));
    };
    from(0);
  }

  #allocate(): void {
    this.#allocation?.cancel();
    this.#allocation = undefined;
    this.allocationRuns++;
    const began = this.clock.monotonic();
    this.turn((step) => {
      runAllocation(step, (items) => this.#shuffle(items));
      offerInversely(step);
    });
    const ended = this.clock.monotonic();
    this.#restsUntil = ended + Math.min(ALLOCATION_REST * (ended - began), LONGEST_REST_MS);
  }

  #shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.#random.int(i + 1);
      const [a, b] = [items[i], items[j]];
      if (a === undefined || b === undefined) continue;
      items[i] = b;
      items[j] = a;
    }
    return items;
  }

  #giveUp(agentId: string): void {
    void this.inTransition(agentId, 'unreachable', async () => {
      if (!this.#silent(agentId)) return this.#countCanceled();
      await this.registry.markUnreachable(agentId, this.clock.now());
      if (!this.#silent(agentId)) {
        // It answered while we wrote: the registry takes it back.
        const info = this.state.agents.get(agentId)?.info;
        if (info?.id) await this.registry.admit({ ...info, id: info.id });
        return this.#countCanceled();
      }
      this.log.warn({ agent: agentId }, 'agent does not answer: marked unreachable');
      this.turn((step) => markUnreachable(step, agentId));
    }).catch((error: unknown) =>
      this.log.error({ agent: agentId, error: errorText(error) }, 'cannot mark the agent unreachable'),
    );
  }

  #countCanceled(): void {
    this.turn((step) => count(step, 'master/slave_unreachable_canceled'));
  }

  #endForLoss(lost: number, total: number): void {
    const limit = this.state.policy.recoveryRemovalLimitPercent;
    const agents = [...this.state.recoveredAgents.keys()].join(', ');
    this.stopTimers();
    this.#fail(errors.MASTER_TOO_MANY_AGENTS_LOST({ lost, total, limit, agents }));
  }

  #silent(agentId: string): boolean {
    const agent = this.state.agents.get(agentId);
    if (!agent) return this.state.recoveredAgents.has(agentId);
    return agent.unansweredPings >= this.state.policy.maxPingTimeouts;
  }

  #collectGarbage(): void {
    const before = this.clock.now() - REGISTRY_MAX_AGE_MS;
    const lists = [
      ['unreachable', this.state.unreachableAgents],
      ['gone', this.state.goneAgents],
    ] as const;
    for (const [name, list] of lists) {
      for (const [agentId, since] of list) {
        if (since >= before) continue;
        list.delete(agentId);
        this.state.orders.delete(agentId);
        this.inOrder(() => this.registry.forget(name, agentId)).catch((error: unknown) =>
          this.log.warn({ agent: agentId, error: errorText(error) }, 'cannot forget an agent'),
        );
      }
    }
  }
}
