import { AsyncQueue } from '../core/async-queue.ts';
import { guarded } from './guarded.ts';
import { untilLeft } from './table.ts';
import type { Leadership, Store, Term } from './types.ts';

interface Candidate {
  readonly name: string;
  readonly store: Store;
  readonly queue: AsyncQueue<Leadership>;
}

/**
 * Elections among the candidates of one process: who stands first leads until it leaves, then the next. Enough for a
 * store that one process owns; the folder lock keeps every other process out.
 */
export class Elections {
  readonly #standing = new Map<string, Candidate[]>();

  stand(
    election: string,
    given: Pick<Candidate, 'name' | 'store'>,
    signal: AbortSignal,
  ): AsyncIterable<Leadership> {
    const candidate: Candidate = { ...given, queue: new AsyncQueue() };
    const leave = (): void => {
      signal.removeEventListener('abort', leave);
      candidate.queue.close();
      this.#leave(election, candidate);
    };
    if (signal.aborted) candidate.queue.close();
    else {
      signal.addEventListener('abort', leave, { once: true });
      const standing = this.#standing.get(election) ?? [];
      standing.push(candidate);
      this.#standing.set(election, standing);
      this.#tell(election, standing, [candidate]);
    }
    return untilLeft(candidate.queue, leave);
  }

  close(): void {
    for (const standing of this.#standing.values()) for (const c of standing) c.queue.close();
    this.#standing.clear();
  }

  /** Whom it concerns hears who leads. */
  #tell(election: string, standing: readonly Candidate[], whom: readonly Candidate[]): void {
    const leader = standing[0];
    for (const candidate of whom)
      candidate.queue.push(
        candidate === leader
          ? { leader: leader.name, isSelf: true, term: this.#term(election, candidate) }
          : { leader: leader?.name, isSelf: false },
      );
  }

  #term(election: string, candidate: Candidate): Term {
    let over = false;
    const holds = (): boolean => !over && this.#standing.get(election)?.[0] === candidate;
    return {
      holds,
      store: guarded(candidate.store, election, holds),
      resign: () => {
        const standing = this.#standing.get(election);
        if (over || standing?.[0] !== candidate) return;
        over = true;
        standing.push(...standing.splice(0, 1));
        if (standing[0] === candidate) candidate.queue.push({ leader: undefined, isSelf: false });
        this.#tell(election, standing, standing);
      },
    };
  }

  #leave(election: string, candidate: Candidate): void {
    const standing = this.#standing.get(election) ?? [];
    const place = standing.indexOf(candidate);
    if (place < 0) return;
    standing.splice(place, 1);
    if (standing.length === 0) this.#standing.delete(election);
    else if (place === 0) this.#tell(election, standing, standing);
  }
}
