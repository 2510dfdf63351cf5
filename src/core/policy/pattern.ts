/** One segment of a pattern: exact, or a head and a tail with anything between them. */
type Segment = string | { readonly head: string; readonly tail: string };

/** Why a text is no pattern. */
export interface PatternProblem {
  readonly problem: string;
}

/**
 * A pattern of names that are made of segments (`/group/app`, `spiffe://domain/path`, or one segment alone). `*` stands for any part of
 * one segment, at most once in each, and alone for a whole one that is not empty; `**` as the last segment for all that may follow, also nothing. `\*` and `\\` are
 * a star and a backslash. A match takes time in proportion to the text, whatever the pattern.
 */
export class Pattern {
  readonly text: string;
  /** The only text it matches, where there is just one. */
  readonly exact: string | undefined;
  readonly #segments: readonly Segment[];
  readonly #rest: boolean;

  private constructor(text: string, segments: readonly Segment[], rest: boolean) {
    this.text = text;
    this.#segments = segments;
    this.#rest = rest;
    const plain = segments.filter((segment) => typeof segment === 'string');
    this.exact = rest || plain.length < segments.length ? undefined : plain.join('/');
  }

  /** Never throws: what is wrong with the text comes back. */
  static parse(text: string): Pattern | PatternProblem {
    const parts = text.split('/');
    const rest = parts.at(-1) === '**';
    if (rest) parts.pop();
    const segments: Segment[] = [];
    for (const part of parts) {
      const segment = parseSegment(part);
      if (typeof segment === 'object' && 'problem' in segment) return segment;
      segments.push(segment);
    }
    return new Pattern(text, segments, rest);
  }

  /** A pattern out of a text that has been found to be one. */
  static of(text: string): Pattern {
    const pattern = Pattern.parse(text);
    if ('problem' in pattern) throw new Error(`pattern ${text}: ${pattern.problem}`);
    return pattern;
  }

  test(text: string): boolean {
    if (this.exact !== undefined) return text === this.exact;
    let at = 0;
    for (const segment of this.#segments) {
      if (at > text.length) return false;
      const slash = text.indexOf('/', at);
      const end = slash < 0 ? text.length : slash;
      if (!fits(segment, text, at, end)) return false;
      at = end + 1;
    }
    return this.#rest || at > text.length;
  }

  /** How many segments it begins with that have no star. */
  get literalSegments(): number {
    const star = this.#segments.findIndex((segment) => typeof segment !== 'string');
    return star < 0 ? this.#segments.length : star;
  }

  /** The segments without a star that it begins with, as they stand in what it matches. */
  get literalPrefix(): string {
    return this.#segments.slice(0, this.literalSegments).map(String).join('/');
  }

  /** Whether everything that `other` matches is certain to be matched by this one too. */
  covers(other: Pattern): boolean {
    if (other.exact !== undefined) return this.test(other.exact);
    const mine = this.#segments;
    const others = other.#segments;
    if (mine.length > others.length || (!this.#rest && (other.#rest || mine.length < others.length)))
      return false;
    return mine.every((segment, i) => segmentCovers(segment, others[i] ?? ''));
  }
}

/** `text` as a pattern that matches it and nothing else. */
export function literally(text: string): string {
  return text.replace(/[\\*]/g, '\\$&');
}

function parseSegment(part: string): Segment | PatternProblem {
  let head: string | undefined;
  let current = '';
  for (let i = 0; i < part.length; i++) {
    const char = part[i] ?? '';
    if (char === '\\') {
      const next = part[i + 1];
      if (next !== '*' && next !== '\\') return { problem: '\\ must stand before * or \\' };
      current += next;
      i += 1;
    } else if (char === '*') {
      if (part[i + 1] === '*') return { problem: '** must be the whole last segment' };
      if (head !== undefined) return { problem: 'a segment has at most one *' };
      head = current;
      current = '';
    } else current += char;
  }
  return head === undefined ? current : { head, tail: current };
}

function fits(segment: Segment, text: string, at: number, end: number): boolean {
  if (typeof segment === 'string') return end - at === segment.length && text.startsWith(segment, at);
  const { head, tail } = segment;
  const length = end - at;
  if (length === 0 || length < head.length + tail.length) return false;
  return text.startsWith(head, at) && text.startsWith(tail, end - tail.length);
}

function segmentCovers(mine: Segment, other: Segment): boolean {
  if (typeof mine === 'string') return mine === other;
  if (typeof other === 'string') return fits(mine, other, 0, other.length);
  return other.head.startsWith(mine.head) && other.tail.endsWith(mine.tail);
}
