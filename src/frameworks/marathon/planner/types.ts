/** How one instance looks to the planner. */
export interface InstanceView {
  readonly id: string;
  /** Runs the configuration that is wanted now. */
  readonly current: boolean;
  /**
   * `launching`: not yet running; `killing`: on its way out, but still holding its place; `unreachable`: its agent is
   * away, it may come back.
   */
  readonly phase: 'launching' | 'running' | 'unreachable' | 'killing';
  /** Of a running one. `good`: all checks pass (or none exist) and it is ready; `unknown`: no verdict yet. */
  readonly health: 'good' | 'unknown' | 'bad';
  /** When it was launched, milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** Values of the fields that instances are to be spread over (GROUP_BY), as one text. */
  readonly group?: string;
}

export type KillSelection = 'YOUNGEST_FIRST' | 'OLDEST_FIRST';

/** What an app wants. */
export interface Goal {
  readonly instances: number;
  /** Both 0..1, as in the upgrade strategy. */
  readonly minimumHealthCapacity: number;
  readonly maximumOverCapacity: number;
  readonly killSelection: KillSelection;
}

/** What to do now, given what is there now. `done`: the goal is reached. */
export interface Moves {
  readonly kill: readonly string[];
  readonly launch: number;
  readonly done: boolean;
}
