import { ByteBuilder } from './byte-builder.ts';
import {
  AFTER,
  BEGIN_KEY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  END_COLON,
  END_KEY,
  FIRST_ACTION,
  FIRST_KEY,
  FIRST_VALUE,
  isWhole,
  KEY,
  NEXT,
  NEXT_KEY,
  NEXT_UNNAMED,
  NOT_JSON,
  OPEN_ARRAY,
  OPEN_OBJECT,
  PLAIN,
  STRING,
  VALUE,
} from './states.ts';

/**
 * What becomes of a value of a document:
 * - `keep`: it stays in the skeleton as it is
 * - `skip`: an array or object is checked and left out (0 stands in its place)
 * - `slice`: the items of an array are handed out one by one; `[first, count]` stands in its place, or `[]`
 * - `members`: an object stays, and for each member its own plan holds
 * - `items`: an array stays, and for each item this plan holds
 * A value that is not of the kind that its plan speaks of is kept.
 */
export type Plan =
  | { readonly act: 'keep' }
  | { readonly act: 'skip' }
  | { readonly act: 'slice'; readonly kind: number }
  | { readonly act: 'members'; readonly members: ReadonlyMap<string, Plan>; readonly others: Plan }
  | { readonly act: 'items'; readonly item: Plan };

/** Takes the items of sliced arrays. What it is given holds during the call only. */
export interface ItemSink {
  /** One item: `bytes` from `start` to `end` are its JSON, with the white space around it. */
  take(kind: number, bytes: Uint8Array, start: number, end: number): void;
  /** How many bytes the next item has if it is the one to be expected; 0 when none is. */
  guess(): number;
  /** Takes these bytes as the next item if they are exactly the expected one, which was taken before and so is JSON. */
  takeExpected(kind: number, bytes: Uint8Array, start: number, end: number): boolean;
}

const KEEP: Plan = { act: 'keep' };
const OBJECT = 1;
const ARRAY = 2;

/** Where the bytes go: the skeleton with names looked at, the skeleton as they are, nowhere, or into items. */
type Mode = 'named' | 'keep' | 'skip' | 'slice';

/**
 * Takes a JSON document apart while its bytes arrive, so that a large one never is in memory: items of long arrays are
 * handed out, what nobody wants is left out, and the rest is a small document of its own, the skeleton. All of it is
 * checked against the grammar (RFC 8259); the result is the same however the bytes were cut.
 */
export class JsonSlicer {
  readonly #sink: ItemSink;
  readonly #skeleton = new ByteBuilder();
  /** The part of an item that came with earlier pieces. */
  readonly #carried = new ByteBuilder();
  #state = VALUE;
  #failed = false;
  #depth = 0;
  /** What each open container is, by depth from 1. */
  #kinds = new Uint8Array(64);
  /** Of the containers whose names or items matter, by depth from 1. */
  readonly #plans: Plan[] = [KEEP];
  #pending: Plan;
  #mode: Mode = 'named';
  /** Outside of `named`: the depth at which it began. */
  #base = 0;
  #bytes: Uint8Array = new Uint8Array();
  /** From here on the current piece is still to be copied (skeleton), or belongs to the current item. */
  #from = 0;
  #keyAt = 0;
  #items = 0;
  #firstItem = 0;
  /** Whether the item before a closing bracket was taken already. */
  #itemTaken = false;
  /** Bytes of a byte order mark that are still possible at the very beginning. */
  #mark = 0;

  constructor(plan: Plan, sink: ItemSink) {
    this.#pending = plan;
    this.#sink = sink;
  }

  /** Whether what came so far cannot become JSON any more. */
  get failed(): boolean {
    return this.#failed;
  }

  push(bytes: Uint8Array): void {
    this.#bytes = bytes;
    let i = this.#mark < MARK.length ? this.#skipMark(bytes) : 0;
    if (this.#failed) return;
    this.#from = i;
    let state = this.#state;
    let next = this.#mode === 'named' ? NEXT : NEXT_UNNAMED;
    while (i < bytes.length) {
      if (state === STRING || state === KEY) {
        while (i < bytes.length && PLAIN[bytes[i] as number] === 1) i++;
        if (i === bytes.length) break;
      }
      const to = next[(state << 8) | (bytes[i] as number)] as number;
      if (to < FIRST_ACTION) state = to;
      else {
        state = this.#act(to, state, i);
        if (state === NOT_JSON) {
          this.#failed = true;
          return;
        }
        next = this.#mode === 'named' ? NEXT : NEXT_UNNAMED;
        if (this.#mode === 'slice' && this.#from === i + 1) {
          state = this.#takeExpected(state);
          i = this.#from;
          continue;
        }
      }
      i++;
    }
    this.#state = state;
    if (this.#mode === 'slice') this.#carried.add(bytes, this.#from, bytes.length);
    else if (this.#mode !== 'skip') this.#skeleton.add(bytes, this.#from, bytes.length);
  }

  /** The skeleton, parsed and as text, when the document is whole; undefined where it is not JSON. */
  end(): { readonly skeleton: unknown; readonly text: string } | undefined {
    if (this.#failed || this.#depth > 0 || !isWhole(this.#state)) return undefined;
    const text = this.#skeleton.text();
    return { skeleton: JSON.parse(text) as unknown, text };
  }

  /**
   * At the begin of an item: pass over it, and those behind it, as long as they are the expected ones; bytes that are
   * known to be JSON need no second look. Returns the state at the byte where that ended, which is `#from`.
   */
  #takeExpected(state: number): number {
    const bytes = this.#bytes;
    const kind = this.#kindOfItems();
    let start = this.#from;
    let now = state;
    for (let n = this.#sink.guess(); n > 0; n = this.#sink.guess()) {
      const end = start + n;
      const after = end < bytes.length ? bytes[end] : 0;
      if (after !== COMMA_BYTE && after !== CLOSE_BYTE) break;
      if (!this.#sink.takeExpected(kind, bytes, start, end)) break;
      this.#items++;
      start = after === COMMA_BYTE ? end + 1 : end;
      now = after === COMMA_BYTE ? VALUE : AFTER;
      if (after === CLOSE_BYTE) {
        this.#itemTaken = true;
        break;
      }
    }
    this.#from = start;
    return now;
  }

  #kindOfItems(): number {
    return this.#pending.act === 'slice' ? this.#pending.kind : 0;
  }

  /** A byte order mark is no part of the document (as for TextDecoder). */
  #skipMark(bytes: Uint8Array): number {
    let i = 0;
    while (i < bytes.length && this.#mark < MARK.length) {
      if (bytes[i] !== MARK[this.#mark]) {
        // A part of it is no mark, and no JSON either.
        this.#failed = this.#mark > 0;
        this.#mark = MARK.length;
        return i;
      }
      this.#mark++;
      i++;
    }
    return i;
  }

  #act(action: number, state: number, i: number): number {
    switch (action) {
      case COMMA:
        return this.#comma(i);
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        return this.#open(action === OPEN_OBJECT ? OBJECT : ARRAY, i);
      case BEGIN_KEY:
        this.#copyTo(i);
        this.#keyAt = this.#skeleton.length;
        return KEY;
      case END_KEY:
        this.#copyTo(i + 1);
        this.#pending = this.#planOfMember();
        return COLON;
      case END_COLON:
        return VALUE;
      case NOT_JSON:
        return NOT_JSON;
      default:
        return this.#close(action === CLOSE_OBJECT ? OBJECT : ARRAY, state, i);
    }
  }

  #comma(i: number): number {
    if (this.#depth === 0) return NOT_JSON;
    if (this.#mode === 'slice' && this.#depth === this.#base) this.#item(i);
    if (this.#kinds[this.#depth] === OBJECT) return NEXT_KEY;
    if (this.#mode === 'named') this.#expectItem();
    return VALUE;
  }

  #open(kind: number, i: number): number {
    if (this.#mode === 'named') this.#begin(kind, i);
    this.#depth++;
    if (this.#depth >= this.#kinds.length) {
      const grown = new Uint8Array(this.#kinds.length * 2);
      grown.set(this.#kinds);
      this.#kinds = grown;
    }
    this.#kinds[this.#depth] = kind;
    return kind === OBJECT ? FIRST_KEY : FIRST_VALUE;
  }

  /** A container begins where its plan counts. */
  #begin(kind: number, i: number): void {
    const plan = this.#pending;
    this.#base = this.#depth;
    if (plan.act === 'skip') {
      this.#copyTo(i);
      this.#skeleton.addText('0');
      this.#mode = 'skip';
    } else if (plan.act === 'slice' && kind === ARRAY) {
      this.#copyTo(i + 1);
      this.#firstItem = this.#items;
      this.#base = this.#depth + 1;
      this.#mode = 'slice';
    } else if (plan.act === (kind === OBJECT ? 'members' : 'items')) {
      this.#plans[this.#depth + 1] = plan;
      if (plan.act === 'items') this.#pending = plan.item;
    } else this.#mode = 'keep';
  }

  #close(kind: number, state: number, i: number): number {
    if (this.#depth === 0 || this.#kinds[this.#depth] !== kind) return NOT_JSON;
    if (this.#mode === 'slice' && this.#depth === this.#base) this.#endSlices(state, i);
    this.#depth--;
    if ((this.#mode === 'keep' || this.#mode === 'skip') && this.#depth === this.#base) {
      if (this.#mode === 'skip') this.#from = i + 1;
      this.#mode = 'named';
    }
    return AFTER;
  }

  #endSlices(state: number, i: number): void {
    if (state !== FIRST_VALUE && !this.#itemTaken) this.#item(i);
    this.#itemTaken = false;
    this.#carried.clear();
    const count = this.#items - this.#firstItem;
    if (count > 0) this.#skeleton.addText(`${this.#firstItem},${count}`);
    this.#from = i;
    this.#mode = 'named';
  }

  #item(end: number): void {
    this.#items++;
    const kind = this.#kindOfItems();
    if (this.#carried.length === 0) this.#sink.take(kind, this.#bytes, this.#from, end);
    else {
      this.#carried.add(this.#bytes, this.#from, end);
      this.#sink.take(kind, this.#carried.bytes, 0, this.#carried.length);
      this.#carried.clear();
    }
    this.#from = end + 1;
  }

  #expectItem(): void {
    const plan = this.#plans[this.#depth];
    if (plan?.act === 'items') this.#pending = plan.item;
  }

  #copyTo(end: number): void {
    this.#skeleton.add(this.#bytes, this.#from, end);
    this.#from = end;
  }

  #planOfMember(): Plan {
    const plan = this.#plans[this.#depth];
    if (plan?.act !== 'members') return KEEP;
    const quoted = this.#skeleton.text(this.#keyAt);
    const name = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1);
    return plan.members.get(name) ?? plan.others;
  }
}

const COMMA_BYTE = 0x2c;
const CLOSE_BYTE = 0x5d;
const MARK = [0xef, 0xbb, 0xbf] as const;
