import { randomUUID } from 'node:crypto';
import type { Logger } from '../../../core/log.ts';
import type { Quantities } from '../launcher.ts';
import type { Engine } from './engine.ts';
import { problemOf, statusOf } from './engine.ts';
import { changedLimits, fits } from './limits.ts';

/** Any: the client sends nothing where there is nothing to say, which engines refuse before they look for the container. */
const A_CHANGE = { CpuShares: 1024 };

/** What is asked of the engine. */
type Asks = Pick<Engine, 'ask' | 'find' | 'socket'>;

/** Limits of containers that run, as far as this engine changes them. */
export class Changes {
  readonly #engine: Asks;
  readonly #log: Logger;
  #able: boolean | undefined;

  constructor(engine: Asks, log: Logger) {
    this.#engine = engine;
    this.#log = log;
  }

  /**
   * Whether the engine has such changes at all (Podman 4 does not). It is asked for one of a container that nobody has: who does not say its name
   * in the answer has not looked for it.
   */
  async able(): Promise<boolean> {
    if (this.#able !== undefined) return this.#able;
    const nobody = `rimrock-${randomUUID()}`;
    const able = await this.#engine
      .ask('change the limits of a container', (d) => d.getContainer(nobody).update(A_CHANGE))
      .then(
        () => false,
        (error: unknown) => {
          if (statusOf(error) === undefined) throw error;
          return problemOf(error).includes(nobody);
        },
      );
    if (!able && this.#able === undefined)
      this.#log.warn(
        { socket: this.#engine.socket },
        'this engine does not change limits of containers that run: executors of frameworks have none in them',
      );
    this.#able = able;
    return able;
  }

  /**
   * Hold a container to this; `rest`: only what an earlier try has left. False: it uses more memory than it may have from now on, so that limit
   * is still as it was, since the kernel would end what goes over it. Throws what the engine says.
   */
  async make(id: string, quantities: Quantities, rest: boolean): Promise<boolean> {
    const engine = this.#engine;
    if (!(await this.able())) return true;
    const found = await engine.find('look at a container', (d) => d.getContainer(id).inspect());
    if (!found?.State.Running) return true;
    const measured = await engine.find('measure a container', (d) =>
      d.getContainer(id).stats({ stream: false, 'one-shot': true }),
    );
    if (!measured) return true;
    const { Memory, MemorySwap, ...others } = changedLimits(quantities);
    const room = fits(Memory, measured.memory_stats);
    if (!room && rest) return false;
    const told = room ? { ...others, Memory, MemorySwap } : others;
    await engine.find('change the limits of a container', (d) => d.getContainer(id).update(told));
    return room;
  }
}
