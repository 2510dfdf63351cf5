import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { has } from '../support/peers.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { Site } from '../support/platform.ts';
import { root } from '../support/root.ts';

// docs/operations/cluster.md as its reader follows it: every command, in order, in one shell.

const FILE = join(root, 'docs/operations/cluster.md');
const page = readFileSync(FILE, 'utf8');
const commands = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map((m) => m[1] ?? '');

describe.skipIf(!has('curl') || !has('bash'))('the page for operators (needs curl and bash)', () => {
  let site: Site;

  beforeAll(async () => {
    site = await Site.make();
    await site.start('up');
    const marathon = new Marathon(site.ports.marathon);
    await marathon.deploy('POST', '/apps', httpApp('web', { instances: 2 }));
    await marathon.settled(60_000);
  });
  afterAll(() => site.close());

  it('has commands that do what it says', { timeout: 120_000 }, async () => {
    const separator = '--- done ---';
    const script = commands.flatMap((text) => [text, `echo; echo '${separator}'`]).join('\n');
    const { stdout } = await promisify(execFile)(
      'bash',
      ['-euo', 'pipefail', '-c', script.replaceAll('localhost:5050', `127.0.0.1:${site.ports.master}`)],
      { cwd: site.data, timeout: 110_000 },
    );
    const said = stdout.split(separator);
    const find = (part: string): string => said[commands.findIndex((c) => c.includes(part))] ?? '';
    expect(find('5050/slaves\ncurl')).toMatch(/"active":true.*"name":"marathon".*"TASK_RUNNING"/s);
    expect(find('/maintenance/status')).toContain('"draining_machines":[{"id":{"hostname":"127.0.0.1"}}]');
    expect(find('UPDATE_QUOTA')).toContain('"guarantees":{"cpus":{"value":0.5}}');
    expect(find('/weights')).toContain('{"weight":2,"role":"web"}');
    const left = await fetch(`http://127.0.0.1:${site.ports.master}/quota`);
    expect(await left.text()).not.toContain('web');
    // The apps are back on the machine that was drained.
    await new Marathon(site.ports.marathon).settled(60_000);
  });

  it('links to pages that are there', () => {
    const links = [...page.matchAll(/\]\(([^)#]+)/g)].map((m) => m[1] ?? '');
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((link) => !existsSync(join(dirname(FILE), link)))).toEqual([]);
  });
});
