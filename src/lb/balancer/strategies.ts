import type { Entry, Scene } from './entry.ts';
import type { Group } from './group.ts';
import type { BalanceMethod } from './policy.ts';

/** Chooses among the usable members of a group; undefined when there is none. */
export type Strategy = (group: Group, scene: Scene) => Entry | undefined;

/** Up to so many endpoints are all looked at by least connections. */
const SCAN = 64;
/** And of more, so many chosen by chance: the best of eight is within one request of the best of all, nearly always. */
const SAMPLE = 8;
/** Added to all latencies, so that those below it count as equal: what differs there is noise of ours. */
const LATENCY_FLOOR_MS = 1;
/** Latencies within this factor are taken for equal, so that equals share evenly. */
const EQUAL_WITHIN = 3;
/** One pick in so many asks the first choice whatever its latency: a slow endpoint that got well is found out. */
const EXPLORE = 16;

/** The next in turn, by weight. */
export const roundRobin: Strategy = (group, scene) => group.next(scene);

/** By chance and weight. */
export const random: Strategy = (group, scene) => group.draw(scene);

const load = (entry: Entry): number => entry.inFlight / entry.share;

/**
 * The one with the fewest running requests for its weight. Where few run, many are equal: of these the one that has had the
 * fewest, or whoever answers first would get the next one again and again; of those that have had as many, the next in turn.
 */
export const leastConnections: Strategy = (group, scene) => {
  let best = group.next(scene);
  if (best === undefined || (best.inFlight === 0 && best.served <= scene.served)) return best;
  const { members } = group;
  const all = members.length <= SCAN;
  const looks = all ? members.length : SAMPLE - 1;
  for (let i = 0; i < looks; i++) {
    const entry = all ? (members[i] as Entry) : group.drawOnce(scene);
    if (entry !== undefined && isLess(entry, best) && scene.usable(entry)) best = entry;
  }
  return best;
};

function isLess(entry: Entry, than: Entry): boolean {
  const difference = load(entry) - load(than);
  return difference < 0 || (difference === 0 && entry.served < than.served);
}

/**
 * Two by chance and weight, of which the one that will answer sooner: its latency times the requests that run there.
 * Who is slow gets little, and never nothing.
 */
export const powerOfTwo: Strategy = (group, scene) => {
  const first = group.draw(scene);
  if (first === undefined || group.members.length === 1) return first;
  let second: Entry | undefined;
  for (let i = 0; i < 4 && second === undefined; i++) {
    const entry = group.drawOnce(scene);
    if (entry !== first) second = entry;
  }
  if (second === undefined) return first;
  return isBetter(second, first, group, scene) ? second : first;
};

function isBetter(challenger: Entry, first: Entry, group: Group, scene: Scene): boolean {
  const a = latency(challenger, scene);
  const b = latency(first, scene);
  if (a < b * EQUAL_WITHIN && b < a * EQUAL_WITHIN) return load(challenger) < load(first);
  if (scene.dice.below(EXPLORE) === 0) return false;
  // Weights count as shares of the average, so that the one being sent counts the same everywhere.
  const average = group.total / group.members.length;
  return a * (1 + load(challenger) * average) < b * (1 + load(first) * average);
}

function latency(entry: Entry, scene: Scene): number {
  return LATENCY_FLOOR_MS + (entry.isMeasured ? entry.latency : scene.meanLatency);
}

/** Where there is nothing to take a hash of, chance decides. */
export const strategies: Readonly<Record<BalanceMethod, Strategy>> = {
  roundrobin: roundRobin,
  leastconn: leastConnections,
  p2c: powerOfTwo,
  random,
  ringhash: random,
};
