import type { Resource } from '../../mesos/index.ts';
import type { AgentEntry, FrameworkEntry } from './model.ts';

/** What tasks and executors of one ACCEPT are checked against. */
export interface LaunchContext {
  readonly framework: FrameworkEntry;
  readonly agent: AgentEntry;
  /** What is left of the accepted offers, allocated to their role. */
  readonly available: readonly Resource[];
}
