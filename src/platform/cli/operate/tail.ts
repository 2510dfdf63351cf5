import type { Part } from './agent-api.ts';

/** Part of a file; undefined where there is none of this name. */
export type ReadPart = (file: string, offset: number, length: number) => Promise<Part | undefined>;

interface Outlet {
  write(bytes: Uint8Array): Promise<void>;
  /** Something happened to the file that the reader should know. */
  note(text: string): void;
}

/** At most what an agent gives at once. */
const READ = 65_536;
/** So many bytes tell one file from another. */
const ANCHOR = 1024;

/** Where a reader is: so far in a file, right behind these bytes. */
interface Position {
  readonly offset: number;
  readonly anchor: Uint8Array;
}

const BEGIN: Position = { offset: 0, anchor: new Uint8Array() };

/**
 * Follows a file of which it can only ask for parts by name, so that each byte is written once: also when the file is rotated (`stdout` becomes
 * `stdout.1`, by a new name or by a copy) or cut short meanwhile. Each look begins with bytes that were read before: if they are others,
 * so is the file, and the one that has them is looked for.
 */
export class FileTail {
  readonly #file: string;
  readonly #read: ReadPart;
  readonly #outlet: Outlet;
  #at: Position = BEGIN;
  /** How long the file was when somebody first looked. */
  #size: number | undefined;

  constructor(file: string, read: ReadPart, outlet: Outlet) {
    this.#file = file;
    this.#read = read;
    this.#outlet = outlet;
  }

  /** Begin with the last lines. To be called first, if at all. */
  async skipTo(lines: number): Promise<void> {
    const size = (await this.#look()) ?? 0;
    if (lines === 0) {
      this.#at = { offset: size, anchor: new Uint8Array() };
      return;
    }
    let wanted = lines;
    for (let end = size; end > 0;) {
      const start = Math.max(0, end - READ);
      const bytes = (await this.#read(this.#file, start, end - start))?.bytes ?? new Uint8Array();
      for (let i = bytes.length - 1; i >= 0; i--) {
        // What ends the last line begins none.
        if (bytes[i] !== LINE_FEED || start + i === size - 1) continue;
        if (--wanted > 0) continue;
        this.#at = { offset: start + i + 1, anchor: new Uint8Array() };
        return;
      }
      end = start;
    }
  }

  /** Write what there was at the begin: a file may grow faster than it can be read. False: there is no such file. */
  async show(): Promise<boolean> {
    const size = await this.#look();
    if (size === undefined) return false;
    while (this.#at.offset < size) {
      const fresh = await this.#behind(this.#file);
      if (typeof fresh === 'string' || fresh.length === 0) return this.catchUp();
      await this.#take(fresh.subarray(0, size - this.#at.offset));
    }
    return true;
  }

  /** Write all that there is by now. False: there is no such file. */
  async catchUp(): Promise<boolean> {
    for (;;) {
      const fresh = await this.#behind(this.#file);
      if (fresh === 'other' || (fresh === 'none' && this.#at.offset > 0)) {
        if (!(await this.#fromRotated())) return fresh !== 'none';
        continue;
      }
      if (fresh === 'none') return false;
      if (fresh.length === 0) return true;
      await this.#take(fresh);
    }
  }

  async #look(): Promise<number | undefined> {
    this.#size ??= (await this.#read(this.#file, 0, 0))?.size;
    return this.#size;
  }

  /** What a file has behind the position; `other`: it is not the file in which that is. */
  async #behind(file: string): Promise<Uint8Array | 'none' | 'other'> {
    const { offset, anchor } = this.#at;
    const part = await this.#read(file, offset - anchor.length, READ);
    if (part === undefined) return 'none';
    const { bytes, size } = part;
    if (size < offset || !startsWith(bytes, anchor)) return 'other';
    return bytes.subarray(anchor.length);
  }

  /** The file is another one: write the rest of the one before, and go on with the next. False: there is nothing to go on with yet. */
  async #fromRotated(): Promise<boolean> {
    let gap = false;
    for (let n = 1; ; n++) {
      const fresh = await this.#behind(`${this.#file}.${n}`);
      if (fresh === 'none') {
        // While the numbers move up, one is free for a moment.
        if (gap) return this.#startOver();
        gap = true;
        continue;
      }
      if (fresh === 'other') continue;
      if (fresh.length > 0) await this.#take(fresh);
      else if (!(await this.#toNext(n))) return false;
      // By now it may have another number.
      return true;
    }
  }

  /** Nobody has the bytes that were read: they are lost, as others behind them may be. */
  async #startOver(): Promise<boolean> {
    if ((await this.#read(this.#file, 0, 0)) === undefined) return false;
    this.#outlet.note(`${this.#file} was cut short: it begins again, and bytes may be missing`);
    this.#at = BEGIN;
    return true;
  }

  /** From the end of number `n` to the begin of the file that came after it. False: there is none yet. */
  async #toNext(n: number): Promise<boolean> {
    let gap: string | undefined;
    for (let m = n - 1; m >= 0; m--) {
      const name = m === 0 ? this.#file : `${this.#file}.${m}`;
      const part = await this.#read(name, 0, READ);
      if (part === undefined) gap = name;
      // An empty one has no bytes by which it could be told from the one after it.
      if (part === undefined || part.bytes.length === 0) continue;
      // While we looked, all may have moved on by one: then it was not the next.
      const still = await this.#behind(`${this.#file}.${n}`);
      const isGap = gap === undefined || (await this.#read(gap, 0, 0)) === undefined;
      if (typeof still === 'string' || still.length > 0 || !isGap) return true;
      this.#at = BEGIN;
      await this.#take(part.bytes);
      return true;
    }
    return false;
  }

  async #take(bytes: Uint8Array): Promise<void> {
    await this.#outlet.write(bytes);
    const { offset, anchor } = this.#at;
    const behind = Buffer.concat([anchor, bytes.subarray(-ANCHOR)]).subarray(-ANCHOR);
    this.#at = { offset: offset + bytes.length, anchor: behind };
  }
}

const LINE_FEED = 10;

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, start.length), start) === 0;
}
