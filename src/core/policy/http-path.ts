import type { Pattern } from './pattern.ts';

const ESCAPED = /%([0-9a-f]{2})/gi;

/**
 * Whether the path of an HTTP request is one of those that a rule names. Servers do not agree on what a path with encoded separators or parameters means: a
 * rule that denies takes all its readings, a rule that allows only a path of which all readings are meant. Slashes that are doubled or
 * at the end make no difference.
 */
export function isPath(patterns: readonly Pattern[], path: string, denies: boolean): boolean {
  const question = path.indexOf('?');
  const plain = question < 0 ? path : path.slice(0, question);
  const strict = squeezed(plain.replace(ESCAPED, (whole, hex: string) => decoded(whole, hex)));
  const found = patterns.some((pattern) => pattern.test(strict));
  if (found === denies || !/[%;\\]/.test(plain)) return found;
  const loose = squeezed(
    plain
      .replace(ESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/\\/g, '/')
      .replace(/;[^/]*/g, ''),
  );
  return patterns.some((pattern) => pattern.test(loose));
}

/** A path, or a pattern of paths, without slashes that say nothing. */
export function squeezed(path: string): string {
  const single = path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single;
}

/** Separators stay as they are, and so does the percent sign itself. */
function decoded(whole: string, hex: string): string {
  const char = String.fromCharCode(Number.parseInt(hex, 16));
  return /[\w.~!$&'()*+,=:@-]/.test(char) ? char : whole.toUpperCase();
}
