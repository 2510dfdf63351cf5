import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { ClusterState } from '../model/index.ts';
import type { KeepFiles } from './files.ts';
import { encodeKept, KeptReader } from './format.ts';
import type { Kept } from './format.ts';

export interface KeeperParts {
  readonly path: string;
  /** Between two writes, at least. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly files: KeepFiles;
  /** What is to be kept now. */
  state(): Kept;
}

/** So long the first write waits after a change: the beginning is busy enough. */
const SETTLE_MS = 1_000;
/** Writing takes at most one part in this many of the time, however large the cluster is. */
const SHARE = 20;

/** Keeps the last known state in a file, so that an edge that starts while no master answers knows what there was. */
export class StateKeeper {
  readonly #parts: KeeperParts;
  #dirty = false;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #notBeforeMs = 0;
  #failing = false;
  #stopped = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** The state changed; it will be written when it is time. */
  changed(): void {
    this.#dirty = true;
    if (this.#timer || this.#writing || this.#stopped) return;
    const { clock } = this.#parts;
    const waitMs = Math.max(SETTLE_MS, this.#notBeforeMs - clock.monotonic());
    this.#timer = clock.after(waitMs, () => {
      this.#timer = undefined;
      void this.#write();
    });
  }

  /** Write what is not yet written, and end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#writing;
    if (this.#dirty) await this.#write();
  }

  /**
   * What an earlier life left; undefined when there is nothing, or nothing that can be used (then it is set aside, and the
   * log says so). Never rejects.
   */
  async load(
    signal: AbortSignal,
  ): Promise<{ readonly state: ClusterState; readonly asOfMs: number } | undefined> {
    const { files, path, log } = this.#parts;
    const reader = new KeptReader();
    try {
      for await (const piece of files.read(path)) {
        if (signal.aborted) return undefined;
        reader.push(piece);
      }
      return reader.finish();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') log.info({ path }, 'no state was kept by an earlier run');
      else if (code !== undefined)
        log.warn({ path, reason: errorText(error) }, 'the kept state cannot be read');
      else await this.#setAside(errorText(error));
      return undefined;
    }
  }

  async #setAside(reason: string): Promise<void> {
    const { files, path, log } = this.#parts;
    const to = `${path}.damaged`;
    try {
      await files.rename(path, to);
      log.warn({ path, reason, to }, 'the kept state is damaged or not ours: it is set aside and not used');
    } catch (error) {
      log.warn({ path, reason, error }, 'the kept state is damaged or not ours, and cannot be set aside');
    }
  }

  #write(): Promise<void> {
    this.#writing = this.#writeOnce().finally(() => {
      this.#writing = undefined;
      if (this.#dirty && !this.#stopped) this.changed();
    });
    return this.#writing;
  }

  async #writeOnce(): Promise<void> {
    const { files, path, clock, log, everyMs } = this.#parts;
    this.#dirty = false;
    const begun = clock.monotonic();
    try {
      await files.replace(path, encodeKept(this.#parts.state()));
      if (this.#failing) log.info({ path }, 'the last known state can be kept again');
      this.#failing = false;
    } catch (error) {
      this.#dirty = true;
      if (!this.#failing) log.warn({ path, reason: errorText(error) }, 'the last known state cannot be kept');
      this.#failing = true;
    }
    const took = clock.monotonic() - begun;
    this.#notBeforeMs = clock.monotonic() + Math.max(everyMs, took * SHARE);
  }
}
