import type { Entry, Scene } from './entry.ts';

/** With fewer endpoints all that is known of them is in the caches of the processor anyway. */
export const MANY = 1_000;
/** Requests that an endpoint gets one after the other, the first by chance: of more endpoints each is farther from the caches when it is its turn. */
const IN_A_ROW = { least: 32, most: 256, endpointsPer: 40 };
/** More are not remembered. */
const MOST = 64;
/** Who takes so many times the average is not asked again; below the floor differences are noise of ours. */
const SLOW = 3;
const FLOOR_MS = 1;

/**
 * Who has just answered and has nothing else to do. Of thousands of endpoints everyone is asked so seldom that all about it, in the
 * kernel too, has left the caches, which costs as much as half a request; so who has been asked is asked a few times more,
 * each time when it is idle, which is never worse than the better of two.
 */
export class Warm {
  readonly #entries: Entry[] = [];

  /** The last one that is still idle. */
  take(scene: Scene): Entry | undefined {
    for (let entry = this.#entries.pop(); entry !== undefined; entry = this.#entries.pop()) {
      if (entry.inFlight > 0 || !scene.usable(entry)) continue;
      entry.inRow += 1;
      return entry;
    }
    return undefined;
  }

  /** It has answered. */
  put(entry: Entry, meanLatency: number, endpoints: number): void {
    if (entry.inFlight > 0 || this.#entries.length >= MOST) return;
    const row = Math.max(IN_A_ROW.least, Math.min(IN_A_ROW.most, endpoints / IN_A_ROW.endpointsPer));
    if (entry.inRow >= row - 1 || entry.latency > SLOW * (FLOOR_MS + meanLatency)) entry.inRow = 0;
    else this.#entries.push(entry);
  }

  clear(): void {
    this.#entries.length = 0;
  }
}
