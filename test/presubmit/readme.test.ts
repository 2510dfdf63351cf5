import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFiles, root } from '../support/root.ts';

// A command in the README that does not exist is worse than none.
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const LIFECYCLE = new Set(['ci', 'i', 'install', 'pack']);

describe('the README', () => {
  it('names npm scripts that exist', () => {
    const named = [...readme.matchAll(/\bnpm (?:run )?([a-z][\w:-]*)/g)].map((m) => m[1] ?? '');
    const unknown = named.filter((name) => !LIFECYCLE.has(name) && !Object.hasOwn(scripts, name));
    expect(named.length).toBeGreaterThan(0);
    expect(unknown).toEqual([]);
  });

  it('tells how to start and how to test', () => {
    expect(readme).toMatch(/npm ci(?: && |\n)npm start/);
    expect(readme).toMatch(/npm ci && npm test/);
  });

  it('names files of the project that exist', () => {
    const folders = new Set(projectFiles().map((path) => path.split('/')[0]));
    const paths = [...readme.matchAll(/(?<![\w/.~-])((?:[\w.-]+\/)+[\w.-]+\.(?:json|ts|md|yaml|yml))/g)]
      .map((m) => m[1] ?? '')
      .filter((path) => folders.has(path.split('/')[0]));
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('every npm script', () => {
  it('runs a file that exists', () => {
    const files = Object.values(scripts).flatMap((s) =>
      [...s.matchAll(/\bnode (\S+\.ts)/g)].map((m) => m[1] ?? ''),
    );
    expect(files.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('is what .ci/run calls', () => {
    expect(readFileSync(join(root, '.ci/run'), 'utf8')).toMatch(/^npm ci && npm test$/m);
  });
});
