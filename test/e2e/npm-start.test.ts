import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Marathon } from '../support/marathon.ts';
import { has } from '../support/peers.ts';
import { Site } from '../support/platform.ts';
import { canSeeProcesses } from '../support/processes.ts';

// `npm start` and Ctrl-C as a terminal does them: npm stands between, and both get the signal.

describe.skipIf(!has('npm') || !canSeeProcesses)('npm start (needs npm and /proc)', () => {
  let site: Site;

  beforeAll(async () => {
    site = await Site.make();
  });
  afterAll(() => site.close());

  it('is ready within 5 s, and Ctrl-C leaves no process behind, tasks included', async () => {
    const platform = await site.start('up', { via: 'npm' });
    expect(platform.readyMs).toBeLessThan(5_000);
    const marathon = new Marathon(site.ports.marathon);
    // Tasks that make it hard: one ignores SIGTERM, one has children of its own.
    const stubborn = `trap '' TERM; while :; do sleep 0.1; done`;
    await marathon.deploy('POST', '/apps', {
      id: '/stubborn',
      cmd: stubborn,
      cpus: 0.1,
      mem: 16,
      instances: 2,
    });
    await marathon.deploy('POST', '/apps', {
      id: '/parent',
      cmd: 'sleep 86400 & sleep 86401; wait',
      cpus: 0.1,
      mem: 16,
    });
    await marathon.settled();
    await eventually('the tasks to run', () => site.leftovers().some((p) => p.includes('sleep 86400')));
    await platform.interrupt();
    await eventually('npm to be gone too', () => site.leftovers().length === 0, { timeoutMs: 1_000 });
    expect(site.leftovers()).toEqual([]);
    expect(platform.output()).not.toMatch(/"level":(50|60)/);
  });
});
