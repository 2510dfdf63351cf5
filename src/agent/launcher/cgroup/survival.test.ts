import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import type { LaunchCheckpoint, LaunchSpec } from '../launcher.ts';
import { createProcessLauncher } from '../process/index.ts';
import { findGroups } from './find.ts';
import type { Groups } from './groups.ts';
import { killGroup } from './kill.ts';

/** A slow machine has time; what comes sooner is not waited for. */
const SOON = { timeout: 30_000 };

const ROOT = `rimrock-survival-${process.pid}`;
const MB = 1024 * 1024;

function usable(): boolean {
  const groups = findGroups(ROOT, '/');
  if (typeof groups === 'string') return false;
  groups.close();
  return true;
}

describe.runIf(usable())('control groups when their agent dies', () => {
  let folder: string;
  let groups: Groups;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'survival-'));
    const found = findGroups(ROOT, folder);
    if (typeof found === 'string') throw new Error(found);
    groups = found;
  });
  afterEach(async () => {
    for (const name of groups.names())
      await expect.poll(() => (killGroup(groups, name), groups.remove(name)), SOON).toBe(true);
    groups.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 20 });
  });

  const spec = (containerId: string, script: string): LaunchSpec => ({
    containerId,
    argv: ['/bin/sh', '-c', script],
    environment: { PATH: '/usr/bin:/bin' },
    sandbox: folder,
    runtimeDir: folder,
    quantities: { cpus: 0.1, memBytes: 40 * MB },
  });
  const launcher = (): ReturnType<typeof createProcessLauncher> =>
    createProcessLauncher({ clock: systemClock, groups });

  /** An agent in a process of its own launches this and is killed; what it had written down. */
  async function dead(launched: LaunchSpec, when: 'running' | 'before go'): Promise<LaunchCheckpoint> {
    const program = join(folder, 'agent.ts');
    const source = new URL('..', import.meta.url).pathname;
    const waits = when === 'running' ? '' : 'return new Promise(() => {});';
    writeFileSync(
      program,
      `import { createProcessLauncher } from '${source}process/index.ts';
       import { findGroups } from '${source}cgroup/index.ts';
       import { systemClock } from '${source}../../core/clock.ts';
       const groups = findGroups('${ROOT}', ${JSON.stringify(folder)});
       const launcher = createProcessLauncher({ clock: systemClock, groups });
       setInterval(() => {}, 1000);
       await launcher.launch(${JSON.stringify(launched)}, async (c) => { console.log(JSON.stringify(c)); ${waits} });`,
    );
    const agent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(agent.stdout, 'data')) as [Buffer];
    const checkpoint = JSON.parse(text.toString()) as LaunchCheckpoint;
    if (when === 'running')
      await expect.poll(() => groups.pids(launched.containerId).length, SOON).toBeGreaterThan(1);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    return checkpoint;
  }

  const endSupervisor = async ({ containerId, pid }: LaunchCheckpoint): Promise<void> => {
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => groups.pids(containerId), SOON).not.toContain(pid);
  };

  it('are found again with their limits, held or not, and end with their container', async () => {
    const checkpoint = await dead(spec('found', 'sleep 1000 & sleep 1000'), 'running');
    groups.freeze('found', true); // as if it had died while it killed
    const later = launcher();
    const handle = await later.reattach(checkpoint);
    if (typeof handle === 'string') throw new Error(handle);
    expect(await later.usage(handle)).toMatchObject({ mem_limit_bytes: 40 * MB });
    expect(await later.kill(handle, 60_000)).toEqual({ kind: 'signaled', signal: 15 });
    expect(groups.names()).toEqual([]);
    later.close();
  });

  it('still tell what went over its memory while nobody watched', async () => {
    const eats = 'read go <fifo; head -c 100000000 /dev/zero | tail -c 100000000 | cat >/dev/null; exit 5';
    await once(spawn('mkfifo', [join(folder, 'fifo')]), 'exit');
    const checkpoint = await dead(spec('greedy', eats), 'running');
    writeFileSync(join(folder, 'fifo'), 'go\n');
    await expect.poll(() => groups.pids('greedy'), { timeout: 30_000 }).toEqual([]);
    const handle = await launcher().reattach(checkpoint);
    if (typeof handle === 'string') throw new Error(handle);
    expect(await handle.exited).toMatchObject({
      kind: 'exited',
      code: 5,
      limitation: { reason: 'REASON_CONTAINER_LIMITATION_MEMORY' },
    });
    expect(groups.names()).toEqual([]);
  });

  it('are removed when the command never ran', async () => {
    await dead(spec('stillborn', 'exit 0'), 'before go');
    expect(groups.names()).toEqual(['stillborn']);
    const later = launcher();
    await later.endForgotten(folder, new Set());
    expect(groups.names()).toEqual([]);
    later.close();
  });

  it('without a supervisor are ended, unless somebody knows of them; nothing outside is touched', async () => {
    const checkpoint = await dead(spec('orphan', 'sleep 1000 & sleep 1000'), 'running');
    const other = findGroups(ROOT, join(folder, 'of another agent'));
    if (typeof other === 'string') throw new Error(other);
    other.create('theirs', undefined);
    await endSupervisor(checkpoint);
    const later = launcher();
    expect(await later.endForgotten(folder, new Set(['orphan']))).toEqual([]);
    expect(groups.pids('orphan').length).toBeGreaterThan(0);
    expect(await later.endForgotten(folder, new Set())).toEqual(['orphan']);
    expect([groups.names(), other.names()]).toEqual([[], ['theirs']]);
    other.remove('theirs');
    other.close();
    later.close();
  });

  it('of a container that is gone are empty, and gone too', async () => {
    const checkpoint = await dead(spec('gone', 'sleep 1000'), 'running');
    await endSupervisor(checkpoint);
    expect(await launcher().reattach(checkpoint)).toBe('gone');
    expect(groups.names()).toEqual([]);
  });
});
