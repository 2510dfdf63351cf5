import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { missingOptionalPackages, platformEntry } from './support/lockfile.ts';
import type { Lockfile } from './support/lockfile.ts';

// Run after `npm install` against a registry mirror that lacks the builds for other platforms: puts them back into the
// lock file, so that `npm ci` takes it on every machine (test/presubmit/lockfile.test.ts notices when it is needed).
const path = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const lock = JSON.parse(readFileSync(path, 'utf8')) as Lockfile;
const missing = missingOptionalPackages(lock);
for (const m of missing) {
  lock.packages[`node_modules/${m.name}`] = platformEntry(m, lock.packages[m.by]?.dev === true);
}
const { '': project, ...rest } = lock.packages;
const sorted = Object.fromEntries(Object.entries(rest).sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(path, `${JSON.stringify({ ...lock, packages: { '': project, ...sorted } }, null, 2)}\n`);
console.log(`${missing.length} packages added`);
