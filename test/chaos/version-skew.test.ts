import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { GameCluster } from '../support/game/cluster.ts';
import { whatIsWrong } from '../support/game/health.ts';
import { startQueries, unexcused } from '../support/game/traffic.ts';
import type { Failure, Span } from '../support/game/traffic.ts';
import { startLoad } from '../support/load.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { canSeeProcesses } from '../support/processes.ts';
import { root } from '../support/root.ts';

// Another version and this one side by side: each part is replaced by this version and then by the other one again, under traffic.
// RIMROCK_SKEW_FROM=<commit> says which other one; without it there is nothing to compare with.

const FROM = process.env['RIMROCK_SKEW_FROM'] ?? '';
const APPS = new Map([
  ['/web', 3],
  ['/sleep', 2],
]);
const PARTS = ['master-0', 'agent-0', 'agent-1', 'marathon', 'edge'];

describe.skipIf(FROM === '' || !canSeeProcesses)(`version skew (needs RIMROCK_SKEW_FROM and /proc)`, () => {
  let other: string;
  let cluster: GameCluster;
  let marathon: Marathon;
  const declared = { apps: APPS, orphans: [] };

  beforeAll(async () => {
    other = mkdtempSync(join(tmpdir(), 'rimrock-other-'));
    const archive = execFileSync('git', ['archive', FROM], { cwd: root, maxBuffer: 1 << 30 });
    execFileSync('tar', ['-x', '-C', other], { input: archive });
    symlinkSync(join(root, 'node_modules'), join(other, 'node_modules'));
    cluster = await GameCluster.start({ masters: 1, from: other });
    marathon = new Marathon(cluster.ports.marathon);
    const apps = [
      httpApp('web', { instances: 3 }),
      httpApp('sleep', { instances: 2, cmd: 'exec sleep 86400', mem: 16 }),
    ];
    for (const app of apps)
      await eventually(
        'Marathon to take an app',
        async () => (await marathon.deploy('POST', '/apps', app), true),
        {
          timeoutMs: 60_000,
        },
      );
    await green();
  }, 240_000);
  afterAll(async () => {
    await cluster?.close();
    rmSync(other, { recursive: true, force: true });
  });

  const green = async (): Promise<void> => {
    await eventually('all to be green', async () => (await whatIsWrong(cluster, declared)).join('; '), {
      timeoutMs: 90_000,
      everyMs: 200,
      accept: (wrong) => wrong === '',
    });
  };

  const everyOrder = [
    ...PARTS.map((part) => [part, 'this version'] as const),
    ...PARTS.map((part) => [part, 'the other'] as const),
    ...PARTS.toReversed().map((part) => [part, 'this version'] as const),
    ...PARTS.toReversed().map((part) => [part, 'the other'] as const),
  ];
  it.each(everyOrder)('%s becomes %s, and nothing fails', async (name, version) => {
    const before = cluster.taskProcesses();
    expect(before).toHaveLength(5);
    const failures: Failure[] = [];
    const { ports } = cluster;
    const failed = (failure: Failure): void => void failures.push(failure);
    const load = startLoad({ port: ports.http, host: 'web.example.test', perSecond: 100, failed });
    const queries = startQueries({ port: ports.dns, name: 'web.marathon.mesos', perSecond: 200 });
    const away: Span[] = [];
    const part = cluster.part(name);
    try {
      const fromMs = Date.now();
      await part.end('SIGTERM');
      part.folder = version === 'this version' ? root : other;
      part.start();
      await green();
      if (name === 'edge') away.push({ fromMs, toMs: Date.now() });
      // What it writes and says is understood, and it understands what is said.
      await marathon.deploy('POST', '/apps', { id: '/new', cmd: 'sleep 86400', cpus: 0.01, mem: 16 });
      await marathon.settled(60_000);
      await marathon.deploy('DELETE', '/apps/new');
      await green();
    } finally {
      const [requests, asked] = await Promise.all([load.stop(), queries.stop()]);
      expect.soft(unexcused([...failures, ...asked.failures], away).slice(0, 10)).toEqual([]);
      // A verdict needs traffic; what the edge missed while it was away counts too.
      expect.soft(requests.answered).toBeGreaterThan(name === 'edge' ? 20 : requests.sent * 0.9);
    }
    expect(cluster.taskProcesses()).toEqual(before);
    expect(part.ends).toEqual([]);
  });
});
