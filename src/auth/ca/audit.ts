import { open, readFile, rename, mkdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';

/** What happened, for whoever asks later. Nothing secret is in it. */
export interface AuditEntry {
  /** ISO 8601. */
  readonly time: string;
  /** `issue`, `prepare`, `activate` … */
  readonly what: string;
  /** On whose behalf. */
  readonly by: string;
  readonly [detail: string]: string | number | boolean | readonly string[];
}

export interface Audit {
  /** Written soon, in order; never rejects: a full disk must not keep certificates from being issued. */
  add(entry: AuditEntry): void;
  /** The newest first. */
  latest(limit: number): Promise<readonly AuditEntry[]>;
  /** Entries that could not be written. */
  readonly lost: number;
  close(): Promise<void>;
}

/** Entries in memory until they are written; beyond this they are lost. */
const MOST_WAITING = 10_000;

/** JSON lines in a file that only grows, then is kept as `.1`, `.2` … while another one begins. */
export class FileAudit implements Audit {
  readonly #path: string;
  readonly #log: Logger;
  readonly #limits: { readonly maxBytes: number; readonly files: number };
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #bytes = 0;
  #lost = 0;

  constructor(path: string, log: Logger, limits: { readonly maxBytes: number; readonly files: number }) {
    this.#path = path;
    this.#log = log;
    this.#limits = limits;
  }

  get lost(): number {
    return this.#lost;
  }

  add(entry: AuditEntry): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#lost++;
      return;
    }
    this.#waiting.push(`${JSON.stringify(entry)}\n`);
    this.#writing ??= this.#writeAll();
  }

  async latest(limit: number): Promise<readonly AuditEntry[]> {
    await this.#writing;
    const entries: AuditEntry[] = [];
    for (let i = 0; i < this.#limits.files && entries.length < limit; i++) {
      const lines = (await this.#read(i)).split('\n').filter((line) => line !== '');
      for (const line of lines.toReversed().slice(0, limit - entries.length)) {
        const entry = readLine(line);
        if (entry) entries.push(entry);
      }
    }
    return entries;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve(); // what is told in the same turn is written together
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(lines.join(''));
      } catch (error) {
        this.#lost += lines.length;
        this.#log.error({ error: errorText(error), lost: this.#lost }, 'the audit log cannot be written');
        await this.#file?.close().catch(() => {});
        this.#file = undefined;
      }
    }
    this.#writing = undefined;
  }

  async #write(text: string): Promise<void> {
    if (!this.#file) {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      this.#file = await open(this.#path, 'a', 0o600);
      this.#bytes = (await this.#file.stat()).size;
    }
    await this.#file.appendFile(text);
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes < this.#limits.maxBytes) return;
    await this.#file.datasync();
    await this.#file.close();
    this.#file = undefined;
    for (let i = this.#limits.files - 2; i >= 0; i--)
      await rename(this.#name(i), this.#name(i + 1)).catch(() => {}); // one that is not there yet
  }

  #name(index: number): string {
    return index === 0 ? this.#path : `${this.#path}.${index}`;
  }

  async #read(index: number): Promise<string> {
    return readFile(this.#name(index), 'utf8').catch(() => '');
  }
}

/** Undefined for a line that a crash cut off. */
function readLine(line: string): AuditEntry | undefined {
  try {
    return JSON.parse(line) as AuditEntry;
  } catch {
    return undefined;
  }
}
