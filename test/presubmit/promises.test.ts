import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/root.ts';

// docs/reference/promises.md names the test of each promise: a test that was renamed or removed must not leave a promise without one.

interface Promised {
  readonly line: string;
  readonly file: string;
  readonly title: string;
}

/** The rows of all tables; the promise, the file in backquotes, the title, what was seen. */
function rowsOf(page: string): Promised[] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| promise |'))
    .map((line) => {
      const [, , file = '', title = ''] = line.split('|').map((cell) => cell.trim());
      return { line, file: file.replaceAll('`', ''), title };
    });
}

function problemsOf(page: string): string[] {
  return rowsOf(page).flatMap(({ line, file, title }) => {
    // a suite that is run against several engines stands in a file beside its test
    const isTest = file.endsWith('.test.ts') || /^test\/interop\/\w+\/\w+\.ts$/.test(file);
    if (!isTest || !existsSync(join(root, file))) return [`no test file: ${line}`];
    const text = readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'");
    return title !== '' && text.includes(title) ? [] : [`not in ${file}: ${line}`];
  });
}

describe('docs/reference/promises.md', () => {
  const page = readFileSync(join(root, 'docs/reference/promises.md'), 'utf8');

  it('names tests that are there', () => {
    expect(problemsOf(page)).toEqual([]);
    expect(rowsOf(page).length).toBeGreaterThan(15);
  });

  it('would not name others', () => {
    const row = (file: string, title: string): string => `| A promise. | \`${file}\` | ${title} | |`;
    const here = 'test/presubmit/promises.test.ts';
    expect(problemsOf(row(here, 'names tests that are there'))).toEqual([]);
    expect(problemsOf(row('test/chaos/gone.test.ts', 'x'))).toHaveLength(1);
    expect(problemsOf(row(here, ['never', 'written'].join(' ')))).toHaveLength(1);
    expect(problemsOf(row(here, ''))).toHaveLength(1);
  });
});
