import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { LogFile, OpenLogFile } from './log-file.ts';

/** How often it is looked whether the file was moved away, and how soon one that failed is opened again. */
const LOOK_MS = 2_000;
/** Most of what waits that is written in one go. */
const AT_ONCE = 64;

interface Waiting {
  readonly text: string;
  readonly lines: number;
  readonly done: () => void;
}

export interface AccessWriterParts {
  readonly path: string;
  readonly open: OpenLogFile;
  readonly clock: Clock;
  readonly log: Logger;
  /** Most lines that wait. */
  readonly queueLines: number;
}

/** Writes the lines of all planes to one file, in order, without anybody waiting for it. What does not fit is dropped and counted. */
export class AccessWriter {
  readonly #parts: AccessWriterParts;
  #queue: Waiting[] = [];
  #queued = 0;
  #file: LogFile | undefined;
  #lookedAt = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #anew = false;
  #written = 0;
  #dropped = 0;

  constructor(parts: AccessWriterParts) {
    this.#parts = parts;
  }

  /** Lines that are written, and that were dropped anywhere on their way. */
  get counts(): { readonly written: number; readonly dropped: number } {
    return { written: this.#written, dropped: this.#dropped };
  }

  /** Write `lines` lines; `done` when they are written or dropped. `dropped`: those that did not even come here. */
  write(text: string, lines: number, dropped: number, done: () => void): void {
    this.#dropped += dropped;
    if (this.#queued + lines > this.#parts.queueLines) {
      this.#dropped += lines;
      return done();
    }
    if (lines === 0) return done();
    this.#queue.push({ text, lines, done });
    this.#queued += lines;
    this.#running ??= this.#work();
  }

  /** Open the file anew with the next line: it was moved away (SIGHUP). */
  reopen(): void {
    this.#anew = true;
  }

  /** Write what waits, and close. */
  async close(): Promise<void> {
    await this.#running;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, AT_ONCE);
      const lines = batch.reduce((sum, waiting) => sum + waiting.lines, 0);
      const well = await this.#put(batch.map((waiting) => waiting.text).join(''));
      if (well) this.#written += lines;
      else this.#dropped += lines;
      this.#queued -= lines;
      for (const { done } of batch) done();
    }
    this.#running = undefined;
  }

  /** False: it could not be written. */
  async #put(text: string): Promise<boolean> {
    const { clock, log, path } = this.#parts;
    try {
      const file = await this.#opened();
      if (file === undefined) return false;
      await file.write(text);
      return true;
    } catch (error) {
      this.#failedAt = clock.monotonic();
      await this.#file?.close().catch(() => {});
      this.#file = undefined;
      log.error({ error, path }, 'the access log cannot be written; lines are dropped');
      return false;
    }
  }

  async #opened(): Promise<LogFile | undefined> {
    const { clock, path, open } = this.#parts;
    const now = clock.monotonic();
    if (this.#file === undefined && now - this.#failedAt < LOOK_MS) return undefined;
    if (this.#file !== undefined && !this.#anew && now - this.#lookedAt < LOOK_MS) return this.#file;
    this.#lookedAt = now;
    if (this.#file !== undefined && (this.#anew || !(await this.#file.inPlace()))) {
      const old = this.#file;
      this.#file = undefined;
      await old.close();
    }
    this.#anew = false;
    this.#file ??= await open(path);
    return this.#file;
  }
}
