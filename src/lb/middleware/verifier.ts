import { hash as digest } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { verify } from './passwords/verify.ts';
import type { VerifyPasswords } from './types.ts';

/** Work at a stretch, and the pause after it in which everything else has its turn. */
const SLICE_MS = 1;
const PAUSE_MS = 1;
/** Passwords that wait to be worked out; more are refused, for somebody is trying them out. */
const MOST_WAITING = 64;
/** Results that are remembered: right ones, and wrong ones apart, so that guesses cannot push those out. */
const REMEMBERED = 4_096;

interface Job {
  readonly key: string;
  readonly work: Generator<void, boolean>;
  readonly waiting: (() => void)[];
}

export interface VerifierParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds, also within a turn. */
  readonly stopwatch: () => number;
}

/**
 * Works passwords out on the thread of a plane, one after the other and at most half of its time, and remembers what came of it
 * under a keyed digest, never the passwords themselves.
 */
export class Verifier implements VerifyPasswords {
  readonly #parts: VerifierParts;
  readonly #secret: string;
  readonly #right = new Set<string>();
  readonly #wrong = new Set<string>();
  readonly #jobs = new Map<string, Job>();
  #working = false;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
    this.#secret = Buffer.from(parts.random.bytes(32)).toString('hex');
  }

  known(hash: string, password: string): boolean | undefined {
    const key = this.#key(hash, password);
    if (this.#right.has(key)) {
      // Those that are used stay longest.
      this.#right.delete(key);
      this.#right.add(key);
      return true;
    }
    return this.#wrong.has(key) ? false : undefined;
  }

  verify(hash: string, password: string, done: () => void): boolean {
    const key = this.#key(hash, password);
    const running = this.#jobs.get(key);
    if (running !== undefined) {
      running.waiting.push(done);
      return true;
    }
    if (this.#jobs.size >= MOST_WAITING) return false;
    this.#jobs.set(key, { key, work: verify(hash, password), waiting: [done] });
    this.#pause();
    return true;
  }

  #pause(): void {
    if (this.#working) return;
    this.#working = true;
    this.#parts.clock.after(PAUSE_MS, () => {
      this.#working = false;
      this.#slice();
      if (this.#jobs.size > 0) this.#pause();
    });
  }

  #slice(): void {
    const { stopwatch } = this.#parts;
    const began = stopwatch();
    for (const job of this.#jobs.values()) {
      do {
        const step = job.work.next();
        if (step.done !== true) continue;
        this.#finish(job, step.value);
        break;
      } while (stopwatch() - began < SLICE_MS);
      if (stopwatch() - began >= SLICE_MS) return;
    }
  }

  #finish({ key, waiting }: Job, right: boolean): void {
    this.#jobs.delete(key);
    remember(right ? this.#right : this.#wrong, key);
    for (const done of waiting) done();
  }

  #key(hash: string, password: string): string {
    return digest('sha256', `${this.#secret}\0${hash}\0${password}`, 'base64');
  }
}

function remember(set: Set<string>, key: string): void {
  const [oldest] = set;
  if (set.size >= REMEMBERED && oldest !== undefined) set.delete(oldest);
  set.add(key);
}
