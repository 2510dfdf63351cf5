import { RE2JS } from 're2js';

/** Longest pattern, in characters. */
export const MAX_PATTERN = 500;
/** Most instructions of its automaton: a match takes at most this many steps for each character of the text. */
export const MAX_PROGRAM = 300;

/** A regular expression that takes time in proportion to the text, whatever is in either (RE2 syntax). */
export interface CompiledRegex {
  /** Instructions of the automaton. */
  readonly size: number;
  /** Whether it fits the whole text. */
  fits(text: string): boolean;
  /** The template with `$1` to `$9` filled from the groups that there are (empty where one took no part), if it fits the whole text. */
  expand(text: string, template: string): string | undefined;
}

/** Compile a pattern of a user; a text says what is wrong with it. Backreferences and look-around do not exist in RE2. */
export function compileRegex(pattern: string): CompiledRegex | string {
  if (pattern === '') return 'is empty: write a regular expression such as /users/[0-9]+';
  if (pattern.length > MAX_PATTERN)
    return `is longer than ${MAX_PATTERN} characters: write several rules instead`;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    return `is not a regular expression of RE2 syntax: ${error instanceof Error ? error.message : String(error)}`;
  }
  const size = compiled.programSize();
  if (size > MAX_PROGRAM)
    return `needs an automaton of ${size} steps, more than ${MAX_PROGRAM}: use shorter repetitions`;
  return {
    size,
    fits: (text) => compiled.matches(text),
    expand: (text, template) => {
      const matcher = compiled.matcher(text);
      if (!matcher.matches()) return undefined;
      return template.replace(/\$([1-9])/g, (whole, digit: string) => {
        const group = Number(digit);
        return group <= compiled.groupCount() ? (matcher.group(group) ?? '') : whole;
      });
    },
  };
}
