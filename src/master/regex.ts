import { RE2JS } from 're2js';
import type { CompileRegex } from './allocator/index.ts';

/**
 * Regular expressions of frameworks, as RE2 reads them: a match takes time in proportion to the text. `maxProgram`: most
 * instructions of one automaton.
 */
export function regexCompiler(maxProgram: number): CompileRegex {
  return (pattern) => {
    let compiled: RE2JS;
    try {
      compiled = RE2JS.compile(pattern);
    } catch (error) {
      return `is not of RE2 syntax: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (compiled.programSize() > maxProgram)
      return `is too complex: it needs an automaton of ${compiled.programSize()} instructions, more than ${maxProgram}`;
    return (text) => compiled.matches(text);
  };
}
