import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../support/root.ts';

// docs/reference/mesos-compatibility.md names the test of each difference in behaviour: a row must not outlive what it says.

/** Rows that no test stands behind yet. Only to be taken from. */
const WITHOUT: readonly string[] = [];

interface Proof {
  readonly row: string;
  readonly file: string;
  readonly title: string;
}

/** The cells of the tables below a heading, without the first lines of each. */
function cells(page: string, from: string, to: string): string[][] {
  const part = page.slice(
    page.indexOf(`\n## ${from}\n`),
    page.includes(`\n## ${to}\n`) ? page.indexOf(`\n## ${to}\n`) : undefined,
  );
  return part
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (area|row) \|/.test(line))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()));
}

function problemsOf(page: string, without: readonly string[]): string[] {
  const rows = cells(page, 'Behaviour', 'Which test').map(([area = '']) => area);
  const proofs = cells(page, 'Which test', '').map(([row = '', file = '', title = '']): Proof => {
    return { row, file: file.replaceAll('`', ''), title };
  });
  const proven = new Set(proofs.map(({ row }) => row));
  return [
    ...rows.filter((row) => !proven.has(row) && !without.includes(row)).map((row) => `no test: ${row}`),
    ...without.filter((row) => !rows.includes(row) || proven.has(row)).map((row) => `not without: ${row}`),
    ...proofs.flatMap(({ row, file, title }) => {
      if (!rows.includes(row)) return [`no such row: ${row}`];
      if (!existsSync(join(root, file))) return [`no test file: ${row}`];
      const text = readFileSync(join(root, file), 'utf8').replaceAll("\\'", "'");
      return title !== '' && text.includes(title) ? [] : [`not in ${file}: ${row}`];
    }),
  ];
}

describe('docs/reference/mesos-compatibility.md', () => {
  it('names a test for each row, and tests that are there', () => {
    const page = readFileSync(join(root, 'docs/reference/mesos-compatibility.md'), 'utf8');
    expect(problemsOf(page, WITHOUT)).toEqual([]);
    expect(cells(page, 'Which test', '').length).toBeGreaterThan(20);
  });

  it('would not do without, nor name others', () => {
    const here = 'test/presubmit/differences.test.ts';
    const title = 'names a test for each row, and tests that are there';
    const page = (...proofs: readonly string[]): string =>
      ['', '## Behaviour', '| area | a |', '| one | x |', '', '## Which test', '| row | f |', ...proofs].join(
        '\n',
      );
    expect(problemsOf(page(`| one | \`${here}\` | ${title} |`), [])).toEqual([]);
    expect(problemsOf(page(), [])).toEqual(['no test: one']);
    expect(problemsOf(page(), ['one'])).toEqual([]);
    expect(problemsOf(page(`| one | \`${here}\` | ${title} |`), ['one'])).toEqual(['not without: one']);
    expect(problemsOf(page(`| one | \`${here}\` | ${['never', 'written'].join(' ')} |`), [])).toHaveLength(1);
    expect(problemsOf(page(`| one | \`gone.test.ts\` | ${title} |`), [])).toEqual(['no test file: one']);
    expect(problemsOf(page(`| two | \`${here}\` | ${title} |`), ['one'])).toEqual(['no such row: two']);
  });
});
