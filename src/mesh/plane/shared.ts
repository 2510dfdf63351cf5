import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { DENIALS_PER_SECOND, SparingLog } from '../../core/sparing-log.ts';
import type { Reactor } from '../../net/index.ts';
import { MeshCounts } from './counts.ts';
import type { Refusal } from './counts.ts';
import type { MeshSetup } from './messages.ts';

export interface PlaneParts {
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly log: Logger;
  readonly setup: MeshSetup;
}

/** A connection that is open, as far as all of them are looked after together. */
interface Carrying {
  /** Monotonic milliseconds. */
  readonly lastActive: number;
  destroy(error: Error): void;
}

/** What all guards and outlets of a plane share. */
export class Shared {
  readonly parts: PlaneParts;
  readonly counts: MeshCounts;
  readonly pipes = new Set<Carrying>();
  readonly #log: SparingLog;

  constructor(parts: PlaneParts) {
    this.parts = parts;
    this.counts = new MeshCounts(parts.setup.counts);
    this.#log = new SparingLog(parts, DENIALS_PER_SECOND);
  }

  /** Whether there is room for one more. */
  get mayOpen(): boolean {
    if (this.pipes.size < this.parts.setup.maxConnections) return true;
    this.refuse('too-many-connections', {});
    return false;
  }

  /** Count a refusal, and say it: of a code, or of a rule of the policy, so many times a second. */
  refuse(code: Refusal, about: Readonly<Record<string, unknown>>): void {
    this.counts.refused(code);
    this.#log.warn(`${code} ${String(about['rule'])}`, { code, ...about }, 'connection of a task refused');
  }
}
