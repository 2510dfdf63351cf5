/**
 * Documents whose lists have thousands of items, written one item at a time. Such a list stands in a document where an array
 * would; it holds a picture, so what it says is what was true when it was made, whenever it is written.
 */

/** ASCII: so many characters, or as many bytes at `start` of a block. */
export type Text =
  | string
  | { readonly block: { readonly bytes: Buffer }; readonly start: number; readonly length: number };

/** Texts that belong one after the other; `bytes` in all. */
export interface Written {
  readonly texts: Text[];
  readonly bytes: number;
}

/** Writes a value as JSON of ASCII only. */
type Writer = (value: unknown) => string;

/** What a long list is made of. */
export interface LongSource {
  readonly length: number;
  /** An item as a document: plain, or with long lists of its own if `nested`. */
  at(i: number): unknown;
  /** The same as JSON, where it is kept or worth keeping. */
  textAt?(i: number): Text;
  readonly nested?: boolean;
}

export class LongList {
  readonly source: LongSource;

  constructor(source: LongSource) {
    this.source = source;
  }

  /** All of it at once. */
  *[Symbol.iterator](): Generator<unknown, void, undefined> {
    for (let i = 0; i < this.source.length; i++) yield this.source.at(i);
  }

  /** For who writes the whole document at once. */
  toJSON(): unknown[] {
    return [...this];
  }
}

/** A long list of items that do not change. */
export function longList<T>(items: readonly T[], write: (item: T) => unknown, nested = false): LongList {
  return new LongList({ length: items.length, at: (i) => write(items[i] as T), nested });
}

/** Whether there are long lists in a document: itself, or below it in objects. Nobody puts them into arrays. */
export function isLong(document: unknown): boolean {
  if (document instanceof LongList) return true;
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return false;
  return Object.values(document).some(isLong);
}

/** So many texts are handed on together: each of hundreds of thousands by itself would cost more than its bytes. */
const TEXTS_AT_ONCE = 64;

/** The JSON of a document in texts that belong one after the other, some at a time. */
export function* jsonTexts(document: unknown, write: Writer): Generator<readonly Text[], void, undefined> {
  if (document instanceof LongList) yield* listTexts(document.source, write);
  else if (isLong(document)) yield* objectTexts(document as object, write);
  else yield [write(document)];
}

/** The comma is a text of its own: one that is kept is not copied. */
function* listTexts(source: LongSource, write: Writer): Generator<readonly Text[], void, undefined> {
  let texts: Text[] = ['['];
  for (let i = 0; i < source.length; i++) {
    if (i > 0) texts.push(',');
    if (source.nested === true) {
      yield texts;
      texts = [];
      yield* jsonTexts(source.at(i), write);
    } else texts.push(source.textAt ? source.textAt(i) : write(source.at(i)));
    if (texts.length < TEXTS_AT_ONCE) continue;
    yield texts;
    texts = [];
  }
  texts.push(']');
  yield texts;
}

function* objectTexts(document: object, write: Writer): Generator<readonly Text[], void, undefined> {
  let before = '{';
  for (const [key, value] of Object.entries(document)) {
    if (value === undefined) continue;
    yield [`${before}${write(key)}:`];
    yield* jsonTexts(value, write);
    before = ',';
  }
  yield [before === '{' ? '{}' : '}'];
}
