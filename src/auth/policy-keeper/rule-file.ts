import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { errorText } from '../../core/errors.ts';
import type { RimrockError } from '../../core/errors.ts';
import type { Parsed } from '../policy/index.ts';
import { policyErrors } from './errors.ts';

/** Reads a whole file as text; rejects when it cannot. */
export type ReadText = (path: string) => Promise<string>;

const MOST_BYTES = 4 * 1024 * 1024;

export const readText: ReadText = async (path) => {
  const text = await readFile(path, 'utf8');
  if (text.length > MOST_BYTES) throw new Error('larger than 4 MiB');
  return text;
};

export type Read<T> = { readonly changed: false } | { readonly changed: true; readonly value: T };

/** A file with rules, read again and again: what it says changes only when all of it is right. */
export class RuleFile<T> {
  readonly #path: string;
  readonly #read: ReadText;
  readonly #parse: (input: unknown) => Parsed<T>;
  /** What was looked at last, right or wrong. */
  #text: string | undefined;
  #problem: RimrockError | undefined;

  constructor(path: string, read: ReadText, parseInput: (input: unknown) => Parsed<T>) {
    this.#path = path;
    this.#read = read;
    this.#parse = parseInput;
  }

  /** What keeps the file, as it is now, from being used. */
  get problem(): RimrockError | undefined {
    return this.#problem;
  }

  /** Look whether there is something new. Never rejects: `problem` tells. */
  async refresh(): Promise<Read<T>> {
    const file = this.#path;
    let text: string;
    try {
      text = await this.#read(file);
    } catch (error) {
      this.#text = undefined;
      this.#problem = policyErrors.POLICY_FILE_UNREADABLE({ file, reason: errorText(error) }, error);
      return { changed: false };
    }
    if (text === this.#text) return { changed: false };
    this.#text = text;
    const parsed = this.#parsed(text);
    this.#problem = undefined;
    if (parsed.ok) return { changed: true, value: parsed.value };
    const problems = parsed.problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
    this.#problem = policyErrors.POLICY_FILE_WRONG({ file, problems });
    return { changed: false };
  }

  /** JSON is YAML. */
  #parsed(text: string): Parsed<T> {
    try {
      return this.#parse(parse(text));
    } catch (error) {
      return { ok: false, problems: [{ path: '(root)', message: errorText(error) }] };
    }
  }
}
