/** One endpoint as strategies see it. */
export interface Candidate {
  inFlight: number;
}

/**
 * Chooses among candidates. `cursor` is where the rotation stands: the index to look at first. Returns an index, or -1
 * when none is usable.
 */
export type Strategy = (
  candidates: readonly Candidate[],
  cursor: number,
  usable: (index: number) => boolean,
) => number;

/** The next usable one in turn. */
export const roundRobin: Strategy = (candidates, cursor, usable) => {
  const n = candidates.length;
  for (let step = 0; step < n; step++) {
    const i = (cursor + step) % n;
    if (usable(i)) return i;
  }
  return -1;
};

/** The usable one with the fewest running requests; among equals the next in turn. */
export const leastConnections: Strategy = (candidates, cursor, usable) => {
  const n = candidates.length;
  let best = -1;
  let fewest = Number.POSITIVE_INFINITY;
  for (let step = 0; step < n; step++) {
    const i = (cursor + step) % n;
    const inFlight = candidates[i]?.inFlight ?? 0;
    if (inFlight < fewest && usable(i)) {
      best = i;
      fewest = inFlight;
      if (inFlight === 0) break;
    }
  }
  return best;
};
