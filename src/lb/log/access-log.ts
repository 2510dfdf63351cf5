import type { Clock, Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { AccessField } from './fields.ts';
import { lineWriter } from './lines.ts';
import type { AccessRecord, AccessSink } from './record.ts';

/** Lines leave a plane together: so many characters, or after this time. */
const BATCH_CHARS = 64 * 1024;
const BATCH_MS = 100;

export interface AccessPolicy {
  /** Share of ends that get a line. */
  readonly sample: number;
  readonly errors: 'always' | 'sampled';
  readonly fields?: readonly AccessField[] | undefined;
  /** Most lines that have been sent and are not written yet. */
  readonly queueLines: number;
}

/** Lines of JSON, each with its newline. `dropped`: how many there was no room for since the last batch. */
export interface AccessBatch {
  readonly text: string;
  readonly lines: number;
  readonly dropped: number;
}

export interface AccessLogParts {
  readonly policy: AccessPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly send: (batch: AccessBatch) => void;
}

/** The access log of a plane: lines are formatted at once and sent in batches; who writes them says when they are written. */
export class AccessLog implements AccessSink {
  readonly #parts: AccessLogParts;
  readonly #line: (record: AccessRecord, ms: number) => string;
  #text = '';
  #lines = 0;
  /** Sent and not yet written. */
  #underway = 0;
  #dropped = 0;
  #timer: Timer | undefined;

  constructor(parts: AccessLogParts) {
    this.#parts = parts;
    this.#line = lineWriter(parts.policy.fields);
  }

  wants(error: boolean): boolean {
    const { sample, errors } = this.#parts.policy;
    if (sample === 0) return false;
    return sample === 1 || (error && errors === 'always') || this.#parts.random.next() < sample;
  }

  write(record: AccessRecord): void {
    const { clock, policy } = this.#parts;
    if (this.#underway + this.#lines >= policy.queueLines) {
      this.#dropped += 1;
      return;
    }
    this.#text += this.#line(record, clock.now());
    this.#lines += 1;
    if (this.#text.length >= BATCH_CHARS) this.flush();
    else this.#timer ??= clock.after(BATCH_MS, () => this.flush());
  }

  /** So many lines that were sent have been written, or given up. */
  taken(lines: number): void {
    this.#underway -= lines;
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#lines + this.#dropped === 0) return;
    this.#underway += this.#lines;
    const batch = { text: this.#text, lines: this.#lines, dropped: this.#dropped };
    this.#text = '';
    this.#lines = this.#dropped = 0;
    this.#parts.send(batch);
  }
}
