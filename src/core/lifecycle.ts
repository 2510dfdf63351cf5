import type { Logger } from './log.ts';

/** A part of the program with a beginning and an end. */
export interface Component {
  readonly name: string;
  /** Resolve when the part does its work (sockets bound, state loaded). Reject with a RimrockError otherwise. */
  start(): Promise<void>;
  /** Drain and stop: refuse what is new, finish what runs (within the part's own deadline), free everything. */
  stop(): Promise<void>;
  /**
   * Take over what it can of its changed and checked section of the configuration, at once; returns the keys of the section that had changed and are
   * in effect now. Without it every change needs a restart.
   */
  reload?(section: unknown): readonly string[];
  /** What a process that takes over from this one should know and cannot find out: plain data, secret to others. */
  stateForSuccessor?(): unknown;
  /** UDP ports at which it serves beside those of its configuration. */
  udpPortsForSuccessor?(): readonly number[];
  /**
   * Another process does this part's work from now on, at the same sockets; `stop` follows. Take no new connection, hurry
   * nobody who is connected, and leave in place what outlives a process.
   */
  handOver?(): void;
}

/** Starts parts in order and stops them in the opposite order; a part that fails to start stops the earlier ones. */
export class Lifecycle {
  readonly #components: readonly Component[];
  readonly #running: Component[] = [];
  readonly #log: Logger;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(components: readonly Component[], log: Logger) {
    this.#components = [...components];
    this.#log = log;
  }

  /** Rejects with what the first part that failed said, after the others have stopped. */
  async start(): Promise<void> {
    for (const component of this.#components) {
      if (this.#stopping) return this.#stopping;
      try {
        this.#starting = component.start();
        await this.#starting;
      } catch (error) {
        this.#starting = undefined;
        await this.stop();
        throw error;
      }
      this.#starting = undefined;
      this.#running.push(component);
    }
  }

  /**
   * Stop once; later calls wait for the same end. A part that is just starting finishes that first, so that nothing is
   * stopped half-built. One part's failure to stop does not keep the others running.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const starting = this.#starting;
    if (starting) {
      await starting.catch(() => {});
      await Promise.resolve(); // `start` continues first and counts the part as running
    }
    for (let c = this.#running.pop(); c; c = this.#running.pop()) {
      try {
        await c.stop();
      } catch (error) {
        this.#log.error({ error, part: c.name }, 'part did not stop cleanly');
      }
    }
  }
}
