import type { Clock, Timer } from '../../src/core/clock.ts';
import { errorText } from '../../src/core/errors.ts';
import type { Logger } from '../../src/core/log.ts';
import { seededRandom } from '../../src/core/random.ts';
import type { Random } from '../../src/core/random.ts';
import type { World } from './world.ts';

/** Sums of times are not exact. */
const EPSILON_MS = 1e-6;

/** Where simulated time begins on the calendar. */
export const EPOCH_MS = 1_700_000_000_000;

/**
 * One process of the operating system: its clock, its log, its share of chance. Everything that comes to it from outside
 * comes through `run`; once it is dead nothing does, so what it was doing just ends.
 */
export class SimProcess {
  readonly world: World;
  readonly name: string;
  /** The machine that it is on. */
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  alive = true;
  #paused = false;
  /** Told when it has been stopped in the middle of its work. */
  #stopAtWork: { readonly fromMs: number; readonly stopped: () => void } | undefined;
  /** How long its machine has slept, and since when it does (undefined: it does not), milliseconds. */
  #sleptMs = 0;
  #sleepsSince: number | undefined;
  readonly #backlog: (() => void)[] = [];
  /** What it was stopped in, and timers that are due. */
  readonly #begun: (() => void)[] = [];
  readonly #due: (() => void)[] = [];
  readonly #atDeath: (() => void)[] = [];

  /** `skewMs`: by how much the clock of the machine is off. */
  constructor(world: World, name: string, host: string, skewMs: () => number) {
    this.world = world;
    this.name = name;
    this.host = host;
    this.random = seededRandom(world.random.int(2 ** 31));
    this.clock = {
      now: () => EPOCH_MS + Math.round(world.now + skewMs()),
      monotonic: () => (this.#sleepsSince ?? world.now) - this.#sleptMs,
      after: (ms, f) => this.#timer(ms, f, false),
      every: (ms, f) => this.#timer(ms, f, true),
    };
    this.log = this.#logger();
  }

  get paused(): boolean {
    return this.#paused;
  }

  run(f: () => void): void {
    this.#run(f, this.#backlog);
  }

  #run(f: () => void, waiting: (() => void)[]): void {
    if (!this.alive) return;
    if (this.#paused) {
      waiting.push(f);
      return;
    }
    try {
      f();
    } catch (error) {
      this.world.violated(
        `uncaught in ${this.name}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    }
  }

  /** SIGSTOP. Time goes on outside. */
  pause(): void {
    this.#paused = true;
  }

  /** SIGSTOP as it begins with what a timer of at least `fromMs` has called it for: that it does first when it goes on. */
  pauseAtWork(fromMs: number, stopped: () => void): void {
    this.#stopAtWork = { fromMs, stopped };
  }

  get asleep(): boolean {
    return this.#sleepsSince !== undefined;
  }

  /** Its machine sleeps: as SIGSTOP, and the monotonic clock stands still. */
  sleep(): void {
    if (this.#paused) return;
    this.#sleepsSince = this.world.now;
    this.pause();
  }

  /**
   * SIGCONT: what came meanwhile comes now, piece by piece, and before any timer: it was waiting for that when it was stopped. Only
   * what it was about to do comes before.
   */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#sleptMs += this.world.now - (this.#sleepsSince ?? this.world.now);
    this.#sleepsSince = undefined;
    for (const f of this.#begun.splice(0)) this.world.after(0, () => this.#run(f, this.#begun));
    for (const f of this.#backlog.splice(0)) this.world.after(0, () => this.run(f));
    for (const f of this.#due.splice(0)) this.world.after(0, () => this.#run(f, this.#due));
  }

  /** It goes on, and is not stopped any more. */
  wake(): void {
    this.#stopAtWork = undefined;
    this.resume();
  }

  /** SIGKILL. */
  die(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#backlog.length = 0;
    this.#due.length = 0;
    this.#begun.length = 0;
    for (const f of this.#atDeath.splice(0)) f();
  }

  atDeath(f: () => void): void {
    this.#atDeath.push(f);
  }

  /** Resolves after `ms`; never, if the process dies before. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.world.after(ms, () => this.run(resolve));
    });
  }

  #timer(ms: number, f: () => void, repeats: boolean): Timer {
    const wait = Math.max(1, Math.trunc(ms));
    const { clock, world } = this;
    let cancelled = false;
    let pending: Timer;
    let dueAt = clock.monotonic() + wait;
    const fire = (): void => {
      if (!this.alive) return; // its timers end with it
      if (this.#sleepsSince !== undefined) return void this.#due.push(fire);
      const early = dueAt - clock.monotonic();
      if (early > EPSILON_MS) return void (pending = world.after(early, fire));
      const due = (): void => {
        if (cancelled) return;
        dueAt = clock.monotonic() + wait;
        if (repeats) pending = world.after(wait, fire);
        f();
      };
      if (this.#stopsAt(wait)) this.#begun.push(due);
      else this.#run(due, this.#due);
    };
    pending = world.after(wait, fire);
    return {
      cancel: () => {
        cancelled = true;
        pending.cancel();
      },
    };
  }

  /** Whether it is stopped now, as a timer of so many milliseconds calls it. */
  #stopsAt(wait: number): boolean {
    const stop = this.#stopAtWork;
    if (!stop || this.#paused || wait < stop.fromMs) return false;
    this.#stopAtWork = undefined;
    this.pause();
    stop.stopped();
    return true;
  }

  #logger(): Logger {
    const write = (level: string) => (facts: unknown, text?: string) => {
      if (!this.alive) return;
      this.world.say(this.name, text === undefined ? `${level} ${String(facts)}` : `${text} ${plain(facts)}`);
    };
    const nothing = (): void => {};
    const log = {
      trace: nothing,
      debug: nothing,
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
    return { ...log, fatal: log.error, child: () => this.log } as unknown as Logger;
  }
}

function plain(facts: unknown): string {
  return JSON.stringify(facts, (_key, value: unknown) => (value instanceof Error ? errorText(value) : value));
}
