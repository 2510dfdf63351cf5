import { CONTROL, SET } from '../table/index.ts';
import type { TableReader } from '../table/index.ts';
import { TYPE } from '../wire/index.ts';
import type { Question } from './question.ts';
import { PLAIN } from './question.ts';

const MAX = 64;
/** The words of two lines of the cache. */
const LINE_WORDS = 16;

/**
 * A table of a hundred megabytes is in no cache, and each look-up waits for four places in it, one after the other. For a
 * batch of questions the first places are looked at one right behind the other, then the second ones, and so on: the processor
 * fetches them all at the same time, and by the time of the answers they are there. Nothing that is seen here is believed.
 */
export class Fetcher {
  readonly #table: TableReader;
  readonly #at = new Int32Array(MAX);
  /** Keeps the compiler from leaving out loads whose result nobody uses. */
  sink = 0;

  constructor(table: TableReader) {
    this.#table = table;
  }

  fetch(questions: readonly Question[], count: number): void {
    if (count < 2) return;
    const n = Math.min(count, MAX);
    this.#slots(questions, n);
    this.#nodes(n);
    this.#sets(n);
    if (this.#targets(questions, n) === 0) return;
    this.#nodes(n);
    this.#sets(n);
  }

  /** The slots of the questions' names. */
  #slots(questions: readonly Question[], n: number): void {
    const { words } = this.#table;
    const at = this.#at;
    const slots = (words[CONTROL.SLOTS] as number) * 2;
    const mask = (1 << (words[slots] as number)) - 1;
    let seen = 0;
    for (let i = 0; i < n; i++) {
      const q = questions[i] as Question;
      const slot = slots + 2 + (q.hash & mask) * 2;
      seen ^= words[slot + 1] as number;
      at[i] = q.verdict === PLAIN ? slot : 0;
    }
    this.sink = seen;
  }

  /** From slots to nodes: most names stand in their first slot. */
  #nodes(n: number): void {
    const { words } = this.#table;
    const at = this.#at;
    let seen = 0;
    for (let i = 0; i < n; i++) {
      const slot = at[i] as number;
      const node = slot === 0 ? 0 : Math.max(0, words[slot + 1] as number) * 2;
      seen ^= (words[node + 1] as number) ^ (words[node + LINE_WORDS] as number);
      at[i] = node;
    }
    this.sink ^= seen;
  }

  /** From nodes to their first sets. */
  #sets(n: number): void {
    const { words } = this.#table;
    const at = this.#at;
    let seen = 0;
    for (let i = 0; i < n; i++) {
      const node = at[i] as number;
      const set = node === 0 ? 0 : (words[node + 1] as number) * 2;
      seen ^= (words[set + SET.COUNT] as number) ^ (words[set + LINE_WORDS] as number);
      at[i] = set;
    }
    this.sink ^= seen;
  }

  /** From sets of services to the slots of their first targets. Returns how many there are. */
  #targets(questions: readonly Question[], n: number): number {
    const t = this.#table;
    const at = this.#at;
    let seen = 0;
    let found = 0;
    for (let i = 0; i < n; i++) {
      const set = at[i] as number;
      const wanted = set !== 0 && (questions[i] as Question).type === TYPE.SRV && t.typeOf(set) === TYPE.SRV;
      const slot = wanted ? t.slotOf(t.targetHash(set * 4 + SET.ENTRY_BYTES)) : 0;
      seen ^= t.words[slot + 1] as number;
      at[i] = slot;
      if (slot !== 0) found++;
    }
    this.sink ^= seen;
    return found;
  }
}
