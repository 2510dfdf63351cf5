import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Registry } from '../registry.ts';
import type { MasterState, Step } from '../state/index.ts';

/** What is being written of an agent; until it is written, nothing that contradicts it may be begun. */
export type Transition = 'unreachable' | 'gone';

/** What it takes to change the registry first and the state after it. */
export interface RegistryWork {
  readonly state: MasterState;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  turn<T>(f: (step: Step) => T): T;
  inOrder<T>(f: () => Promise<T>): Promise<T>;
  inTransition<T>(agentId: string, kind: Transition, f: () => Promise<T>): Promise<T>;
  transitionOf(agentId: string): Transition | undefined;
}

/** What an operator is answered; the change is in the registry and in effect when it is 200. */
export type Outcome =
  | { readonly status: 200 }
  | { readonly status: 400 | 404 | 409 | 503; readonly text: string };

export const DONE: Outcome = { status: 200 };

export function refused(status: 400 | 404 | 409 | 503, text: string): Outcome {
  return { status, text };
}
