import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../support/root.ts';

// The canary of the walls. dependency-cruiser reads no module at all with a TypeScript that it does not know, and
// passes: so each forbidden import below must be refused by name, in a copy of the real sources.

interface Report {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

let copy = '';

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'rimrock-walls-'));
  for (const name of ['src', 'scripts', 'test', 'tsconfig.json', '.dependency-cruiser.mjs', 'package.json']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction');
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

async function cruise(): Promise<Report> {
  const depcruise = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
  const arguments_ = [depcruise, 'src', '--config', '.dependency-cruiser.mjs', '--output-type', 'json'];
  const options = { cwd: copy, maxBuffer: 256 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)(process.execPath, arguments_, options).catch(
    (error: { stdout: string }) => error,
  );
  return JSON.parse(stdout) as Report;
}

const SEEDED: readonly (readonly [rule: string, file: string, text: string])[] = [
  ['core-imports-nothing-above', 'core', `export * from '../mesos/index.ts';`],
  ['mesos-only-on-core', 'mesos', `export * from '../store/index.ts';`],
  ['net-and-store-only-on-core', 'net', `export * from '../mesos/index.ts';`],
  ['cluster-only-on-core-and-mesos', 'cluster/watch', `export * from '../../net/index.ts';`],
  ['edges-only-on-core-cluster-net', 'dns', `export * from '../store/index.ts';`],
  ['control-plane-only-on-core-mesos-store', 'agent', `export * from '../net/index.ts';`],
  ['siblings-never-meet', 'lb', `export * from '../dns/index.ts';`],
  ['only-platform-and-bin-compose', 'master', `export * from '../platform/index.ts';`],
  ['use-the-front-door', 'platform', `export type { Store } from '../store/types.ts';`],
  ['pure-folders-do-no-io', 'dns/wire', `export { readFile } from 'node:fs/promises';`],
  ['npm-needs-a-reason', 'core', `export * from 'vitest';`],
  ['unresolvable', 'core', `export * from './nowhere.ts';`],
  ['no-circular', 'store', `export * from './canary-no-circular.ts';`],
];

describe('the walls between the rooms', () => {
  it('stand in the sources as they are, and all of them were read', async () => {
    const { summary } = await cruise();
    expect(summary.violations).toEqual([]);
    expect(summary.totalCruised).toBeGreaterThan(50);
  });

  it('refuse every kind of forbidden import, type-only ones too, by the name of the rule', async () => {
    for (const [rule, folder, text] of SEEDED) {
      mkdirSync(join(copy, 'src', folder), { recursive: true });
      writeFileSync(join(copy, 'src', folder, `canary-${rule}.ts`), `${text}\n`);
    }
    const { summary } = await cruise();
    const refused = summary.violations.map((v) => `${v.rule.name}: ${v.from}`);
    for (const [rule, folder] of SEEDED) {
      expect(refused).toContain(`${rule}: src/${folder}/canary-${rule}.ts`);
    }
  });
});
