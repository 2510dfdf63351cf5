import { PinnedMemory } from '../memory.ts';
import { EPOLLIN } from './constants.ts';
import type { Loop, Pollable } from './loop.ts';

/** Ends the loop's sleep when another thread writes to an eventfd. */
export class Waker implements Pollable {
  slot = -1;
  generation = 0;
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #value: PinnedMemory;
  /** There may be messages from before. */
  #signalled = true;

  constructor(loop: Loop, fd: number) {
    this.#loop = loop;
    this.#fd = fd;
    this.#value = new PinnedMemory(loop.calls, 8);
    loop.add(this, fd, EPOLLIN);
  }

  /** Whether there was a signal since the last time. */
  takeSignal(): boolean {
    const signalled = this.#signalled;
    this.#signalled = false;
    return signalled;
  }

  /** Signal to oneself: there is more to do in the next turn. */
  again(): void {
    this.#loop.again(this);
  }

  onEvents(): void {
    this.#loop.calls.eventfd_read(this.#fd, this.#value.pointer(0));
    this.#signalled = true;
  }

  onAgain(): void {
    this.#signalled = true;
  }

  onTurnEnd(): void {}

  /** The descriptor is the other thread's. */
  onLoopEnd(): void {
    this.#loop.remove(this, this.#fd);
  }

  onFault(error: unknown): void {
    this.#loop.log.error({ error }, 'taking messages failed');
  }
}
