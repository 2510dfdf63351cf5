import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingOptionalPackages } from '../../scripts/support/lockfile.ts';
import type { Lockfile } from '../../scripts/support/lockfile.ts';
import { root } from '../support/root.ts';

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile;

describe('package-lock.json', () => {
  it('is complete, so that `npm ci` takes it (else run: node scripts/complete-lock.ts)', () => {
    expect(missingOptionalPackages(lock)).toEqual([]);
  });

  it('is the lock of package.json', () => {
    const project = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
    for (const key of ['name', 'version', 'dependencies', 'devDependencies', 'optionalDependencies', 'bin']) {
      expect(lock.packages['']?.[key]).toEqual(project[key]);
    }
  });

  it('pins exact versions', () => {
    const { dependencies, devDependencies, optionalDependencies } = lock.packages[''] as unknown as Record<
      string,
      Record<string, string>
    >;
    for (const [name, version] of Object.entries({
      ...dependencies,
      ...devDependencies,
      ...optionalDependencies,
    })) {
      expect(`${name} ${version}`).toMatch(/ \d+\.\d+\.\d+$/);
    }
  });
});
