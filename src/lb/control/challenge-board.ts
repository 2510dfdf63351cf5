import type { Clock } from '../../core/clock.ts';
import type { ChallengeSpec, PlaneOrder } from '../plane/messages.ts';

/** A plane that takes longer is stuck, and the authority is better not asked to look. */
const PATIENCE_MS = 10_000;

type Order = Extract<PlaneOrder, { readonly kind: 'challenges' }>;

interface Waiter {
  readonly version: number;
  readonly resolve: () => void;
}

/**
 * The challenges that are under way. All planes must answer them before the authority is asked to look, for nobody knows which of
 * them it will come to.
 */
export class ChallengeBoard {
  readonly #tell: (order: Order) => void;
  readonly #clock: Clock;
  readonly #shown = new Set<ChallengeSpec>();
  /** By plane; those that do not run are told before they listen, and need not be waited for. */
  readonly #versions = new Map<number, number>();
  readonly #waiters = new Set<Waiter>();
  #version = 0;

  constructor(tell: (order: Order) => void, clock: Clock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  /** Resolves when all planes that run answer so; rejects when one does not in time. */
  show(challenge: ChallengeSpec): Promise<void> {
    this.#shown.add(challenge);
    this.#change();
    const version = this.#version;
    return new Promise((resolve, reject) => {
      const waiter = {
        version,
        resolve: () => {
          late.cancel();
          resolve();
        },
      };
      const late = this.#clock.after(PATIENCE_MS, () => {
        this.#waiters.delete(waiter);
        reject(new Error('a thread of the load balancer does not take the challenge'));
      });
      this.#waiters.add(waiter);
      this.#look();
    });
  }

  hide(challenge: ChallengeSpec): void {
    if (this.#shown.delete(challenge)) this.#change();
  }

  /** It runs, and has been told what there is. */
  joined(plane: number): void {
    this.#versions.set(plane, 0);
  }

  told(plane: number, version: number): void {
    this.#versions.set(plane, version);
    this.#look();
  }

  gone(plane: number): void {
    this.#versions.delete(plane);
    this.#look();
  }

  #change(): void {
    this.#version += 1;
    this.#tell({ kind: 'challenges', version: this.#version, challenges: [...this.#shown] });
  }

  #look(): void {
    const least = Math.min(...this.#versions.values());
    for (const waiter of this.#waiters) {
      if (waiter.version > least) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}
