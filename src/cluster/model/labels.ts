import { ReadMap } from './equal.ts';
import { asList, asObject, asText, member } from './json.ts';
import { NOTHING, Recent, recentText, sharedText, textHash } from './share.ts';

/** One label as it stood in the list. */
export interface LabelEntry {
  readonly key: string;
  readonly value: string;
}

/**
 * Labels in both shapes: `[{key, value}]` (v0) and `{"labels": [...]}` (protobuf JSON). A label without a readable
 * key is left out and named in `problems`; one without value has an empty one.
 */
export function readLabelList(json: unknown, problems: string[]): LabelEntry[] {
  const entries: LabelEntry[] = [];
  const wrapped = asObject(json);
  const list = wrapped && !Object.hasOwn(wrapped, 'key') ? member(wrapped, 'labels') : json;
  for (const [i, item] of asList(list).entries()) {
    const key = asText(member(item, 'key'));
    const value = labelValue(member(item, 'value'));
    if (key === undefined || key === '') problems.push(`labels[${i}] has no key`);
    else if (value === undefined) problems.push(`label '${key}' has a value that is not text`);
    else entries.push({ key, value });
  }
  return entries;
}

/** All entities without labels have these. */
export const NO_LABELS: ReadonlyMap<string, string> = new Map();

/** As `readLabelList`, by key; of a repeated key the last one counts. */
export function readLabels(json: unknown, problems: string[]): ReadonlyMap<string, string> {
  if (json === undefined || json === null) return NO_LABELS;
  return labelsOf(readLabelList(json, problems));
}

/** Labels by key, in little memory; of a repeated key the last one counts. */
export function labelsOf(entries: readonly LabelEntry[]): ReadonlyMap<string, string> {
  if (entries.length === 0) return NO_LABELS;
  if (entries.length > MAX_LIST) return new Map(entries.map(({ key, value }) => [key, value]));
  let keys = Keys.none;
  for (const { key } of entries) keys = keys.with(key);
  const { list } = keys;
  const last = (key: string): LabelEntry | undefined => entries.findLast((e) => e.key === key);
  const values = list.map((key, i) =>
    recentText((list.length === entries.length ? entries[i] : last(key))?.value ?? ''),
  );
  let hash = list.length;
  for (const value of values) hash = (Math.imul(hash, 31) + textHash(value)) | 0;
  return recent.of(new Labels(list, values), hash);
}

/** Of more labels than people write these are a `Map`: here they are looked for one after another. */
const MAX_LIST = 32;
/** More kinds of labels than a cluster has; it begins anew then. */
const MAX_KEYS = 4_096;

/** Names of labels, in order: those of one entity are nearly always those of others too, so that they share this. */
class Keys {
  static none = new Keys([]);
  static #count = 0;
  readonly list: readonly string[];
  readonly #longer = new Map<string, Keys>();

  constructor(list: readonly string[]) {
    this.list = list;
  }

  with(key: string): Keys {
    const known = this.#longer.get(key);
    if (known) return known;
    if (this.list.includes(key)) return this;
    if (++Keys.#count > MAX_KEYS) {
      Keys.#count = 0;
      Keys.none = new Keys([]);
    }
    const longer = new Keys([...this.list, sharedText(key)]);
    this.#longer.set(key, longer);
    return longer;
  }
}

/** So many values stand in the object itself: a list of them would take as much again. */
const WITHIN = 3;

/** Labels that share their keys, and often themselves, with those of other entities. A `Map` takes four times the memory. */
class Labels extends ReadMap<string, string> {
  readonly #keys: readonly string[];
  readonly #first: string | undefined;
  readonly #second: string | undefined;
  readonly #third: string | undefined;
  readonly #more: readonly string[];

  constructor(keys: readonly string[], values: readonly string[]) {
    super();
    this.#keys = keys;
    this.#first = values[0];
    this.#second = values[1];
    this.#third = values[2];
    this.#more = values.length > WITHIN ? values.slice(WITHIN) : NOTHING;
  }

  static same(a: Labels, b: Labels): boolean {
    if (a.#keys !== b.#keys) return false;
    for (let i = 0; i < a.#keys.length; i++) if (a.at(i) !== b.at(i)) return false;
    return true;
  }

  /** The value of the label in this place. Not private: that would cost each of them a word. */
  at(i: number): string | undefined {
    if (i === 0) return this.#first;
    if (i === 1) return this.#second;
    return i === 2 ? this.#third : this.#more[i - WITHIN];
  }

  get size(): number {
    return this.#keys.length;
  }
  get(key: string): string | undefined {
    const i = this.#keys.indexOf(key);
    return i < 0 ? undefined : this.at(i);
  }
  has(key: string): boolean {
    return this.#keys.includes(key);
  }
  *entries(): Generator<[string, string], undefined> {
    for (let i = 0; i < this.#keys.length; i++) yield [this.#keys[i] as string, this.at(i) as string];
  }
}

const recent = new Recent<Labels>((a, b) => Labels.same(a, b));

function labelValue(v: unknown): string | undefined {
  if (v === undefined || v === null) return '';
  if (typeof v === 'number' || typeof v === 'boolean') return String(v);
  return asText(v);
}
