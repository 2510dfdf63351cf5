import { AsyncQueue } from '../core/async-queue.ts';
import { untilLeft } from './table.ts';
import type { Leadership } from './types.ts';

interface Candidate {
  readonly name: string;
  readonly queue: AsyncQueue<Leadership>;
}

/**
 * Elections among the candidates of one process: who stands first leads until it leaves, then the next. Enough for a
 * store that one process owns; the folder lock keeps every other process out.
 */
export class Elections {
  readonly #standing = new Map<string, Candidate[]>();

  stand(election: string, name: string, signal: AbortSignal): AsyncIterable<Leadership> {
    const candidate: Candidate = { name, queue: new AsyncQueue() };
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
      candidate.queue.push({ leader: standing[0]?.name, isSelf: standing[0] === candidate });
    }
    return untilLeft(candidate.queue, leave);
  }

  close(): void {
    for (const standing of this.#standing.values()) for (const c of standing) c.queue.close();
    this.#standing.clear();
  }

  #leave(election: string, candidate: Candidate): void {
    const standing = this.#standing.get(election) ?? [];
    const place = standing.indexOf(candidate);
    if (place < 0) return;
    standing.splice(place, 1);
    if (standing.length === 0) this.#standing.delete(election);
    if (place > 0) return;
    for (const c of standing) c.queue.push({ leader: standing[0]?.name, isSelf: standing[0] === c });
  }
}
