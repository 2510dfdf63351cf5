import type { Logger } from './log.ts';

/** A part of the program with a beginning and an end. */
export interface Component {
  readonly name: string;
  /** Resolve when the part does its work (sockets bound, state loaded). Reject with a RimrockError otherwise. */
  start(): Promise<void>;
  /** Drain and stop: refuse what is new, finish what runs (within the part's own deadline), free everything. */
  stop(): Promise<void>;
}

/** Starts parts in order and stops them in the opposite order; a part that fails to start stops the earlier ones. */
export class Lifecycle {
  readonly #components: Component[];
  readonly #running: Component[] = [];
  readonly #log: Logger;
  #stopping: Promise<void> | undefined;

  constructor(components: readonly Component[], log: Logger) {
    this.#components = [...components];
    this.#log = log;
  }

  async start(): Promise<void> {
    for (const component of this.#components) {
      if (this.#stopping) return;
      this.#running.push(component);
      try {
        await component.start();
      } catch (error) {
        this.#running.pop();
        await this.stop();
        throw error;
      }
    }
  }

  /** Stop once; later calls wait for the same end. One part's failure to stop does not keep the others running. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    for (let c = this.#running.pop(); c; c = this.#running.pop()) {
      try {
        await c.stop();
      } catch (error) {
        this.#log.error({ error, part: c.name }, 'part did not stop cleanly');
      }
    }
  }
}
