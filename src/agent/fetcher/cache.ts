import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { syncFolder } from '../checkpoint/durable.ts';
import { untilAborted } from '../tasks/until-aborted.ts';

export interface CacheParts {
  readonly folder: string;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Writes the file at `path`, until it is on disk. `tell` reaches everybody who waits for it. */
export type Fill = (path: string, signal: AbortSignal, tell: (line: string) => void) => Promise<void>;

interface Entry {
  readonly name: string;
  readonly ready: Promise<void>;
  readonly abort: AbortController;
  readonly listeners: Set<(line: string) => void>;
  /** How many wait for it or read it. */
  users: number;
  /** 0 until it is ready. */
  bytes: number;
}

const COMPLETE = /^[0-9a-f]{64}$/;

/**
 * Files that tasks share, each under a key. What several ask for at a time is fetched once; what was not used for the longest goes when there
 * are more bytes than `maxBytes`, but nothing that is being used. A file has its name from the moment on when all of it is on disk.
 */
export class FetchCache {
  readonly #parts: CacheParts;
  /** The one that was used last is the last. */
  readonly #entries = new Map<string, Entry>();
  #opened: Promise<void> | undefined;

  constructor(parts: CacheParts) {
    this.#parts = parts;
  }

  /**
   * Have the file of `key` at hand while `use` runs. Rejects with what `fill` or `use` rejects with, and with the reason of `signal` when that
   * aborts; what others wait for goes on.
   */
  async with<T>(
    key: string,
    fill: Fill,
    use: (path: string) => Promise<T>,
    { signal, tell }: { readonly signal: AbortSignal; readonly tell: (line: string) => void },
  ): Promise<T> {
    await this.#open();
    const name = createHash('sha256').update(key).digest('hex');
    await this.#check(name);
    const entry = this.#entries.get(name) ?? this.#begin(name, fill);
    entry.users++;
    entry.listeners.add(tell);
    try {
      await untilAborted(entry.ready, signal);
      await this.#touch(entry);
      return await use(this.#at(name));
    } finally {
      entry.listeners.delete(tell);
      entry.users--;
      if (entry.users === 0 && entry.bytes === 0) this.#drop(entry);
      this.#trim();
    }
  }

  /** Whoever finds that it cannot be opened has the next one try again: a disk that was full has room later. */
  #open(): Promise<void> {
    this.#opened ??= this.#recover().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  /** What an earlier agent process left: all complete, or not counted. */
  async #recover(): Promise<void> {
    const { folder } = this.#parts;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found: { name: string; bytes: number; usedMs: number }[] = [];
    for (const name of await readdir(folder)) {
      const stats = await stat(this.#at(name));
      if (COMPLETE.test(name)) found.push({ name, bytes: sizeOf(stats), usedMs: stats.mtimeMs });
      else await rm(this.#at(name), { recursive: true, force: true });
    }
    for (const { name, bytes } of found.sort((a, b) => a.usedMs - b.usedMs)) {
      const ready = Promise.resolve();
      const rest = { listeners: new Set<never>(), abort: new AbortController(), users: 0 };
      this.#entries.set(name, { name, ready, bytes, ...rest });
    }
  }

  /** Forget a file that is not the one any more that was written: somebody has cleaned up. */
  async #check(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.bytes === 0) return;
    const there = await stat(this.#at(name)).catch(() => undefined);
    const same = there && sizeOf(there) === entry.bytes;
    if (!same && this.#entries.get(name) === entry) this.#entries.delete(name);
  }

  /** It is the last to go now, also for a later process. */
  async #touch(entry: Entry): Promise<void> {
    this.#entries.delete(entry.name);
    this.#entries.set(entry.name, entry);
    const now = this.#parts.clock.now() / 1000;
    await utimes(this.#at(entry.name), now, now).catch(() => {});
  }

  #begin(name: string, fill: Fill): Entry {
    const abort = new AbortController();
    const listeners = new Set<(line: string) => void>();
    const tell = (line: string): void => {
      for (const listener of listeners) listener(line);
    };
    const ready = this.#fill(name, (path) => fill(path, abort.signal, tell)).then((bytes) => {
      entry.bytes = bytes;
    });
    const entry: Entry = { name, ready, abort, listeners, users: 0, bytes: 0 };
    ready.catch(() => this.#drop(entry));
    this.#entries.set(name, entry);
    return entry;
  }

  async #fill(name: string, fill: (path: string) => Promise<void>): Promise<number> {
    const part = this.#at(`${name}.${Buffer.from(this.#parts.random.bytes(6)).toString('hex')}.part`);
    try {
      await fill(part);
      const bytes = sizeOf(await stat(part));
      await rename(part, this.#at(name));
      await syncFolder(this.#parts.folder);
      return bytes;
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }

  /** Nobody waits for it any more, or it cannot be had: who comes from now on starts anew. */
  #drop(entry: Entry): void {
    if (this.#entries.get(entry.name) === entry) this.#entries.delete(entry.name);
    entry.abort.abort();
  }

  #trim(): void {
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry.bytes;
    for (const entry of this.#entries.values()) {
      if (bytes <= this.#parts.maxBytes) return;
      if (entry.users > 0 || entry.bytes === 0) continue;
      bytes -= entry.bytes;
      this.#entries.delete(entry.name);
      // at once: whoever comes next may put it there again
      rmSync(this.#at(entry.name), { force: true });
    }
  }

  #at(name: string): string {
    return join(this.#parts.folder, name);
  }
}

/** An empty file counts too: 0 is what is not there yet. */
const sizeOf = ({ size }: Stats): number => Math.max(1, size);
