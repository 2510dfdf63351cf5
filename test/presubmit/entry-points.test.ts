import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { projectFiles, root } from '../support/root.ts';

// vitest runs TypeScript that Node refuses (enums, parameter properties, imports without extension): so each entry
// point is also started by plain Node.
const run = promisify(execFile);
const entries = projectFiles('src/bin').filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

describe('the entry points under plain node', () => {
  it('exist', () => {
    expect(entries).toContain('src/bin/rimrock.ts');
  });

  it.each(entries)('%s explains itself and says its version', async (path) => {
    const help = await run(process.execPath, [path, '--help'], { cwd: root });
    expect(help.stdout).toContain('Usage: ');
    const said = await run(process.execPath, [path, '--version'], { cwd: root });
    expect(said.stdout.trim()).toBe(version);
    expect(`${help.stderr}${said.stderr}`).toBe('');
  });

  it.each(entries)('%s stays thin: at most 60 lines', (path) => {
    expect(readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(60);
  });

  it.each(['up', 'edge', 'master', 'agent'])('rimrock %s has help of its own', async (role) => {
    const { stdout } = await run(process.execPath, ['src/bin/rimrock.ts', role, '--help'], { cwd: root });
    for (const option of ['--check-config', '--print-config']) expect(stdout).toContain(option);
  });
});
