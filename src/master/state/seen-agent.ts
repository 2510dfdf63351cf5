import type { AgentInfo, Resource } from '../../mesos/index.ts';
import type { Amounts, FreeAgent } from '../allocator/index.ts';

/** What the allocator knows of an agent. It is made anew when one of the lists it was made of is another. */
export interface AgentView extends FreeAgent {
  readonly total: Amounts;
  /** What is free of it and not reserved. */
  readonly open: Amounts;
  /** What is reserved for each role at the top of a branch and all below; undefined where nothing is. */
  readonly reserved: ReadonlyMap<string, Amounts> | undefined;
  /** The time up to which nobody wants what is free of it, as long as the clients are those of `unwantedBy`. */
  unwantedUntil: number;
  unwantedBy: number;
}

/** The lists that a view was made of. */
interface MadeOf {
  readonly info: AgentInfo;
  readonly total: readonly Resource[];
  readonly used: readonly Resource[];
  readonly offered: readonly Resource[];
}

/** It stands beside its agent and not in a WeakMap: of one with thousands of entries each full collection takes longer than of all the rest. */
export interface SeenAgent {
  readonly of: MadeOf;
  readonly view: AgentView;
  /** The view without any offer, to go back to when all of them are declined. */
  readonly unoffered: SeenAgent | undefined;
}
