import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import { EINTR } from '../constants.ts';
import { systemError } from '../libc.ts';
import { PinnedMemory } from '../memory.ts';
import type { StreamCalls } from './calls.ts';
import { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLL_EVENT, O_CLOEXEC } from './constants.ts';
import { LoopClock } from './loop-clock.ts';

/** Events taken from the kernel at once. */
const EVENTS = 256;
const EVENT = 0;
const ONE = EVENTS * EPOLL_EVENT.WORDS * 4;
const EVENT_ROOM = ONE + 64;

/** Something with a descriptor that the loop watches. */
export interface Pollable {
  /** Its place in the loop; -1 when it is in none. */
  slot: number;
  generation: number;
  onEvents(events: number): void;
  /** It asked for a turn by `loop.again`. */
  onAgain(): void;
  /** It asked for the end of the turn by `loop.atEnd`. */
  onTurnEnd(): void;
  /** The loop ends: close. */
  onLoopEnd(): void;
  /** One of the above threw. */
  onFault(error: unknown): void;
}

/**
 * Waits for descriptors, timers and work that was put off, one turn at a time. The kernel gives each event back with the
 * number of a slot and the slot's generation, which rises with every use: an event that comes late for something that is
 * gone meets another generation and is dropped.
 */
export class Loop {
  readonly calls: StreamCalls;
  readonly log: Logger;
  readonly clock: LoopClock;
  readonly #memory: PinnedMemory;
  readonly #words: Int32Array;
  readonly #eventsAt: number;
  readonly #epoll: number;
  readonly #slots: (Pollable | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  #again: Pollable[] = [];
  #runningAgain: Pollable[] = [];
  #atEnd: Pollable[] = [];
  #runningAtEnd: Pollable[] = [];
  #closed = false;

  /** Throws a system error when there is no epoll to be had. */
  constructor(calls: StreamCalls, time: Pick<Clock, 'now' | 'monotonic'>, log: Logger) {
    this.calls = calls;
    this.log = log;
    this.clock = new LoopClock(time, (error) => log.error({ error }, 'timer failed'));
    this.#memory = new PinnedMemory(calls, EVENT_ROOM);
    this.#words = this.#memory.words;
    this.#eventsAt = this.#memory.pointer(EVENT);
    this.#epoll = calls.epoll_create1(O_CLOEXEC);
    if (this.#epoll < 0) throw systemError('epoll_create1', calls.errno());
  }

  /** How many descriptors it watches. */
  get watched(): number {
    return this.#slots.length - this.#free.length;
  }

  /** Watch a descriptor. Throws a system error when the kernel does not take it. */
  add(entry: Pollable, fd: number, events: number): void {
    const slot = this.#free.pop() ?? this.#slots.push(undefined) - 1;
    const generation = ((this.#generations[slot] ?? 0) + 1) | 0;
    this.#generations[slot] = generation;
    entry.slot = slot;
    entry.generation = generation;
    this.#slots[slot] = entry;
    if (this.#control(EPOLL_CTL_ADD, entry, fd, events) >= 0) return;
    const error = systemError('epoll_ctl', this.calls.errno());
    this.#forget(entry);
    throw error;
  }

  /** Watch for other events; with edges this also tells again what holds already. */
  change(entry: Pollable, fd: number, events: number): void {
    this.#control(EPOLL_CTL_MOD, entry, fd, events);
  }

  /** Stop watching a descriptor that stays open. */
  remove(entry: Pollable, fd: number): void {
    this.#control(EPOLL_CTL_DEL, entry, fd, 0);
    this.#forget(entry);
  }

  /** Stop watching and close: the kernel forgets what is closed. */
  close(entry: Pollable, fd: number): void {
    if (entry.slot >= 0) this.#forget(entry);
    if (fd >= 0) this.calls.close(fd);
  }

  #control(what: number, entry: Pollable, fd: number, events: number): number {
    const at = ONE >> 2;
    this.#words[at + EPOLL_EVENT.EVENTS] = events;
    this.#words[at + EPOLL_EVENT.SLOT] = entry.slot;
    this.#words[at + EPOLL_EVENT.GENERATION] = entry.generation;
    return this.calls.epoll_ctl(this.#epoll, what, fd, this.#memory.pointer(ONE));
  }

  #forget(entry: Pollable): void {
    this.#slots[entry.slot] = undefined;
    this.#free.push(entry.slot);
    entry.slot = -1;
  }

  /** Call `onAgain` in the next turn, which then does not wait. */
  again(entry: Pollable): void {
    this.#again.push(entry);
  }

  /** Call `onTurnEnd` at the end of this turn. */
  atEnd(entry: Pollable): void {
    this.#atEnd.push(entry);
  }

  /** One turn: wait for at most `mostMs`, then do what there is to do, once. How many events the kernel had. */
  turn(mostMs: number): number {
    const busy = this.#again.length > 0 || this.#atEnd.length > 0;
    const count = this.calls.epoll_wait(
      this.#epoll,
      this.#eventsAt,
      EVENTS,
      busy ? 0 : this.clock.wait(mostMs),
    );
    this.clock.refresh();
    if (count < 0) {
      const errno = this.calls.errno();
      if (errno !== EINTR) throw systemError('epoll_wait', errno);
    }
    const words = this.#words;
    for (let i = 0, at = 0; i < count; i++, at += EPOLL_EVENT.WORDS) {
      const entry = this.#slots[words[at + EPOLL_EVENT.SLOT] as number];
      if (entry === undefined || entry.generation !== words[at + EPOLL_EVENT.GENERATION]) continue;
      try {
        entry.onEvents(words[at + EPOLL_EVENT.EVENTS] as number);
      } catch (error) {
        entry.onFault(error);
      }
    }
    if (this.#again.length > 0) this.#runAgain();
    this.clock.runDue();
    if (this.#atEnd.length > 0) this.#runAtEnd();
    return count;
  }

  #runAgain(): void {
    const entries = this.#again;
    this.#again = this.#runningAgain;
    for (const entry of entries) {
      try {
        entry.onAgain();
      } catch (error) {
        entry.onFault(error);
      }
    }
    entries.length = 0;
    this.#runningAgain = entries;
  }

  #runAtEnd(): void {
    const entries = this.#atEnd;
    this.#atEnd = this.#runningAtEnd;
    for (const entry of entries) {
      try {
        entry.onTurnEnd();
      } catch (error) {
        entry.onFault(error);
      }
    }
    entries.length = 0;
    this.#runningAtEnd = entries;
  }

  /** No turn will come any more: close everything, and tell the owners. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const entry of this.#slots) entry?.onLoopEnd();
    // Owners may close others, and open what must not stay either.
    for (let left = 10; left > 0 && this.#atEnd.length > 0; left--) {
      this.#runAtEnd();
      for (const entry of this.#slots) entry?.onLoopEnd();
    }
    this.calls.close(this.#epoll);
  }
}
