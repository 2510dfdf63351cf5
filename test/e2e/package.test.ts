import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/peers.ts';
import { root } from '../support/root.ts';

// What `npm pack` makes is what people install: it must work without the sources beside it.

const run = promisify(execFile);
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

/** A Node of the machine that is older than ours, where there is one: bin/ must hand over to the right one. */
function olderNode(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((f) => !f.includes('node_modules'));
  return folders.map((f) => join(f, 'node')).find((path) => existsSync(path));
}

describe.skipIf(!has('npm') || !has('tar'))('the npm package (needs npm and tar)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-package-'));
  const installed = join(folder, 'package');

  beforeAll(async () => {
    await run('npm', ['pack', '--pack-destination', folder], { cwd: root });
    await run('tar', ['-xzf', join(folder, `rimrock-${version}.tgz`), '-C', folder]);
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'), 'junction');
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const rimrock = (node: string, ...arguments_: string[]): Promise<{ stdout: string; stderr: string }> =>
    run(node, [join(installed, 'bin/rimrock.mjs'), ...arguments_], { cwd: join(folder, 'elsewhere') });

  it('has what it needs and nothing of the workshop', () => {
    for (const path of [
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'config/examples/hello.json',
      'dist/bin/rimrock.js',
    ]) {
      expect(existsSync(join(installed, path)), path).toBe(true);
    }
    for (const path of ['src', 'test', 'bench', 'scripts', '.ci'])
      expect(existsSync(join(installed, path))).toBe(false);
    const built = readFileSync(join(installed, 'dist/bin/rimrock.js'), 'utf8');
    expect(built).not.toMatch(/from '[^']+\.ts'/);
  });

  it('says its version and prints its configuration', async () => {
    expect((await rimrock(process.execPath, '--version')).stdout.trim()).toBe(version);
    const { stdout } = await rimrock(process.execPath, 'up', '--print-config');
    for (const section of ['master:', 'agent:', 'marathon:', 'dns:', 'lb:'])
      expect(stdout).toContain(section);
  });

  it('explains itself without arguments', async () => {
    const { stdout } = await rimrock(process.execPath);
    for (const role of ['up', 'edge', 'master', 'agent'])
      expect(stdout).toMatch(new RegExp(`^ +${role} `, 'm'));
  });

  it('works under the Node of the machine', async () => {
    const { stdout } = await rimrock(olderNode() ?? process.execPath, 'edge', '--check-config');
    expect(stdout).toBe('OK\n');
  });
});
