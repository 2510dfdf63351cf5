import { runInSlices } from '../../core/slices.ts';
import type { Rest } from '../../core/slices.ts';
import type { Peer } from '../../net/index.ts';
import type { TableReader } from '../table/index.ts';
import {
  CLASS_IN,
  TYPE,
  decodeMessage,
  encodeMessage,
  isWithin,
  nameBytes,
  plainQuery,
} from '../wire/index.ts';
import { explain } from './explain.ts';
import type { Knowledge, Said } from './explain.ts';
import type { Explanation } from './explanation.ts';

export interface ExplainerParts {
  /** What our own table says of a message, and the name that it looked up. */
  readonly ask: (bytes: Uint8Array) => { readonly reply: Uint8Array; readonly name: string };
  readonly table: Pick<
    TableReader,
    'findName' | 'firstSet' | 'nextSet' | 'typeOf' | 'countOf' | 'answersOf' | 'ready' | 'stale'
  >;
  /** Absolute names of our zones. */
  readonly apexes: readonly string[];
  readonly knowledge: (type: number, client: string | undefined) => Omit<Knowledge, 'isOurs'>;
  /** A new one for each explanation. */
  readonly rest: () => Rest;
}

export interface ExplainQuestion {
  /** Absolute, as asked. */
  readonly name: string;
  readonly type: number;
  readonly client: Peer['ip'] | undefined;
}

/** So many may wait; one is worked on at a time, so that nobody can take the thread by asking often. */
const MAX_WAITING = 8;

/** Explains what names answer, one after the other, in small steps beside everything else. */
export class Explainer {
  readonly #parts: ExplainerParts;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(parts: ExplainerParts) {
    this.#parts = parts;
  }

  /** Undefined when too many wait. The name must have a wire form. */
  async explain(question: ExplainQuestion): Promise<Explanation | undefined> {
    if (this.#waiting >= MAX_WAITING) return undefined;
    this.#waiting++;
    const turn = this.#last.then(() => this.#explain(question));
    this.#last = turn.catch(() => {});
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  #explain(question: ExplainQuestion): Promise<Explanation> {
    const { knowledge, apexes, rest } = this.#parts;
    const isOurs = (name: string): boolean => apexes.some((apex) => isWithin(name, apex));
    const known = { ...knowledge(question.type, question.client), isOurs };
    return runInSlices(explain(this.#ask(question), known), rest());
  }

  #ask({ name: asked, type, client }: ExplainQuestion): Said {
    const { ask, table, apexes } = this.#parts;
    const { reply, name } = ask(messageFor(asked, type));
    const decoded = decodeMessage(reply);
    if (!decoded.ok) throw new Error(`an answer of our own cannot be read: ${decoded.reason}`);
    const wire = nameBytes(name);
    const node = wire ? table.findName(wire) : 0;
    const types: number[] = [];
    let count = 0;
    for (let set = node === 0 ? 0 : table.firstSet(node); set !== 0; set = table.nextSet(set)) {
      types.push(table.typeOf(set));
      if (table.typeOf(set) === type) count = table.countOf(set);
    }
    const zones = apexes.filter((apex) => isWithin(name, apex)).toSorted((a, b) => b.length - a.length);
    return {
      asked,
      name,
      type,
      client,
      message: decoded.message,
      zone: zones[0],
      stale: table.stale,
      ready: table.ready,
      types: types.toSorted((a, b) => a - b),
      count,
      most: node === 0 ? 0 : table.answersOf(node),
    };
  }
}

function messageFor(name: string, type: number): Uint8Array {
  const encoded = encodeMessage(plainQuery({ name, type, class: CLASS_IN }));
  return encoded.bytes.slice();
}

/** Types that are not questions about records. */
export function isExplainable(type: number): boolean {
  return type !== TYPE.OPT && type !== TYPE.AXFR && type !== TYPE.IXFR;
}
