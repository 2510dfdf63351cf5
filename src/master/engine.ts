import type { Clock, Timer } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Random } from '../core/random.ts';
import type { Registry } from './registry.ts';
import { count, markUnreachable, newStep, pingAgents, runAllocation, tick } from './state/index.ts';
import type { Effect, MasterState, Step } from './state/index.ts';
import { Streams } from './streams.ts';

const REGISTRY_GC_MS = 15 * 60 * 1000;
const REGISTRY_MAX_AGE_MS = 14 * 24 * 3600 * 1000;

interface EngineParts {
  readonly state: MasterState;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Drives the pure state machine: gives it the time, carries out its effects, runs its timers. */
export class Engine {
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
  readonly #givingUp = new Set<string>();
  readonly #timers: Timer[] = [];
  #performing = false;
  #stopping = false;
  #allocation: Timer | undefined;
  #writes: Promise<unknown> = Promise.resolve();
  /** Runs of the allocator so far. */
  allocationRuns = 0;

  constructor(parts: EngineParts) {
    this.state = parts.state;
    this.registry = parts.registry;
    this.clock = parts.clock;
    this.log = parts.log;
    this.#random = parts.random;
    this.streams = new Streams(parts.clock);
    this.operators = new Streams(parts.clock);
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
        this.#allocate();
      }),
      this.clock.every(policy.pingIntervalSeconds * 1000, () => this.turn(pingAgents)),
      this.clock.every(REGISTRY_GC_MS, () => this.#collectGarbage()),
    );
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) timer.cancel();
    this.#allocation?.cancel();
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
        this.#allocation ??= this.clock.after(0, () => this.#allocate());
        return;
      case 'give-up-agent':
        return this.#giveUp(effect.agentId);
    }
  }

  #allocate(): void {
    this.#allocation?.cancel();
    this.#allocation = undefined;
    this.allocationRuns++;
    this.turn((step) => runAllocation(step, (items) => this.#shuffle(items)));
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
    if (this.#givingUp.has(agentId)) return;
    this.#givingUp.add(agentId);
    void this.inOrder(async () => {
      if (!this.#silent(agentId)) return;
      await this.registry.markUnreachable(agentId, this.clock.now());
      if (!this.#silent(agentId)) {
        // It answered while we wrote: the registry takes it back.
        const info = this.state.agents.get(agentId)?.info;
        if (info?.id) await this.registry.admit({ ...info, id: info.id });
        return;
      }
      this.log.warn({ agent: agentId }, 'agent does not answer: marked unreachable');
      this.turn((step) => markUnreachable(step, agentId));
    })
      .catch((error: unknown) =>
        this.log.error({ agent: agentId, error: errorText(error) }, 'cannot mark the agent unreachable'),
      )
      .finally(() => this.#givingUp.delete(agentId));
    this.turn((step) => count(step, 'master/slave_unreachable_scheduled'));
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
        this.inOrder(() => this.registry.forget(name, agentId)).catch((error: unknown) =>
          this.log.warn({ agent: agentId, error: errorText(error) }, 'cannot forget an agent'),
        );
      }
    }
  }
}
