import type { Clock } from '../../core/clock.ts';

/** The memory of the process, as far as it can be told what to do with it. */
export interface ProcessMemory {
  /** Bytes of objects, garbage among them. */
  used(): number;
  /** Begin to collect garbage, in steps between which everything else goes on. */
  collect(): void;
  /** From now on most of what is made is soon garbage. */
  expectGarbage(): void;
  /** From now on give back what is free as soon as it is, where that is cheap. */
  keepLittleFree(): void;
  /** Give back to the system what is free, and what only the start needed. */
  giveBack(): void;
}

const MIB = 2 ** 20;
/** The steps of a collection have an end that stops the process, 50 ms at this size: the collector finds its own time then. */
const TOO_LARGE_BYTES = 300 * MIB;
const LOOK_MS = 500;
/** Memory that changes by less between two looks is not being worked on. */
const QUIET_BYTES = MIB;
/** Quiet for as many looks, it is time. */
const QUIET_LOOKS = 2;
/** Less is not worth the work. */
const WORTH_BYTES = 16 * MIB;
const WORTH_PART = 0.15;
/** Growth by this part is worth it at any time, less only this long after the last one. */
const LARGE_PART = 0.25;
const SPACE_MS = 60_000;

/** A collection finds out which pages of the heap are nearly empty; the next one moves what is on them, and gives them back. */
const PASSES = 2;
/** After so many looks a collection is over: V8 spreads its steps over half a second, and more where it is not let. */
const PASS_LOOKS = 2;
/** A smaller heap has too few such pages, and too little follows on it, for more than one pass: idle is to be idle. */
const LARGE_BYTES = 56 * MIB;
/** So many looks after that has been done, what followed on it is over as well: work is compiled that has become frequent. */
const AFTERWARDS_LOOKS = 12;

/**
 * Has garbage collected when much has come together and nothing more comes. The collector by itself waits until memory has
 * grown again by what there is: after the state of a large cluster has come in, a third of all memory would stay garbage until
 * then. Returns how to stop.
 */
export function tendIdleMemory(
  memory: Pick<ProcessMemory, 'used' | 'collect' | 'giveBack'>,
  clock: Clock,
): () => void {
  let base = 0;
  let before = memory.used();
  let quiet = 0;
  let collected = Number.NEGATIVE_INFINITY;
  /** Looks until the collection that goes on is over. */
  let going = 0;
  let large = false;
  let afterwards = AFTERWARDS_LOOKS;
  const timer = clock.every(LOOK_MS, () => {
    const used = memory.used();
    const change = Math.abs(used - before);
    before = used;
    if (going > 0) {
      if (--going > 0) return going % PASS_LOOKS === 0 ? memory.collect() : undefined;
      base = used;
      afterwards = large ? AFTERWARDS_LOOKS : 0;
      memory.giveBack();
      return;
    }
    if (afterwards > 0 && --afterwards === 0) memory.giveBack();
    base = Math.min(base, used);
    quiet = change < QUIET_BYTES ? quiet + 1 : 0;
    const grown = used - base;
    const spaced = clock.monotonic() - collected >= SPACE_MS;
    const worth = Math.max(WORTH_BYTES, base * (spaced ? WORTH_PART : LARGE_PART));
    if (quiet < QUIET_LOOKS || grown < worth || used > TOO_LARGE_BYTES) return;
    quiet = 0;
    collected = clock.monotonic();
    large = used >= LARGE_BYTES;
    going = (large ? PASSES : 1) * PASS_LOOKS;
    memory.collect();
  });
  return () => timer.cancel();
}
