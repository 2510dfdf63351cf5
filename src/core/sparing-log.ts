import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

/** Lines of one key in the second that runs. */
interface Second {
  readonly begunMs: number;
  written: number;
  /** Lines that were not written; the first of them stands for all. */
  leftOut: number;
}

/** For what a policy denies, of each rule. */
export const DENIALS_PER_SECOND = 10;

const SECOND_MS = 1_000;
/** So many keys have lines of their own; more share one. */
const MOST_KEYS = 1_000;

/**
 * A log for what somebody outside can bring about as often as they like, such as denials: of each key (a rule, a code) so many lines a
 * second, then one line when the second is over, with the first that was left out and how many there were (`leftOut`).
 */
export class SparingLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #seconds = new Map<string, Second>();

  constructor({ log, clock }: { readonly log: Logger; readonly clock: Clock }, perSecond: number) {
    this.#log = log;
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  info(key: string, about: object, message: string): void {
    this.#write('info', key, about, message);
  }

  warn(key: string, about: object, message: string): void {
    this.#write('warn', key, about, message);
  }

  #write(level: 'info' | 'warn', key: string, about: object, message: string): void {
    const second = this.#secondOf(key);
    if (second.written < this.#perSecond) {
      second.written++;
      return this.#log[level](about, message);
    }
    second.leftOut++;
    if (second.leftOut > 1) return;
    const left = second.begunMs + SECOND_MS - this.#clock.monotonic();
    this.#clock.after(Math.max(0, left), () =>
      this.#log[level]({ ...about, leftOut: second.leftOut }, message),
    );
  }

  #secondOf(key: string): Second {
    const now = this.#clock.monotonic();
    const own = this.#seconds.has(key) || this.#seconds.size < MOST_KEYS ? key : '';
    let second = this.#seconds.get(own);
    if (second === undefined || now - second.begunMs >= SECOND_MS)
      this.#seconds.set(own, (second = { begunMs: now, written: 0, leftOut: 0 }));
    return second;
  }
}
