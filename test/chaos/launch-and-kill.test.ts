import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findGroups } from '../../src/agent/launcher/cgroup/index.ts';
import { createProcessTable } from '../../src/agent/launcher/process/index.ts';
import { FakeMaster } from '../../src/agent/testing/fake-master.ts';
import { realAgent } from '../../src/agent/testing/real-agent.ts';
import { FRAMEWORK, taskInfo } from '../../src/agent/testing/task-context.ts';
import { systemClock } from '../../src/core/clock.ts';

/** 100, or as many as RIMROCK_LAUNCHES says. */
const LAUNCHES = Number(process.env['RIMROCK_LAUNCHES'] ?? 100);
const AT_A_TIME = 10;
const GRACE_MS = 1_000;
const TOLERANCE_MS = 500;
/** What is kept of a run that is over, for people. */
const REMEMBERED = 'past.json';
/** Of one framework. */
const MOST_REMEMBERED = 150;
const ROOT = `rimrock-launches-${process.pid}`;

/** All that a launch could leave behind in this process and on this machine. */
function remains(workDir: string): Record<string, number> {
  const table = createProcessTable(systemClock);
  const inTrees = readdirSync('/sys/fs/cgroup', { withFileTypes: true })
    .filter((tree) => tree.isDirectory() && existsSync(join('/sys/fs/cgroup', tree.name, ROOT)))
    .flatMap((tree) =>
      readdirSync(join('/sys/fs/cgroup', tree.name, ROOT), { recursive: true, encoding: 'utf8' }),
    )
    .filter((name) => name.endsWith('cgroup.procs'));
  const children = readdirSync('/proc').filter((pid) => table.stat(Number(pid))?.ppid === process.pid);
  const meta = join(workDir, 'meta/slaves');
  const entries = existsSync(meta) ? readdirSync(meta, { recursive: true, withFileTypes: true }) : [];
  const kept = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
  return {
    files: readdirSync('/proc/self/fd').length,
    // zombies too
    children: children.length,
    groups: inTrees.length,
    checkpoints: kept.filter((name) => name !== REMEMBERED).length,
    remembered: kept.filter((name) => name === REMEMBERED).length,
  };
}

function canUse(): boolean {
  const groups = findGroups(ROOT, '/');
  if (typeof groups === 'string') return false;
  groups.close();
  return true;
}

/** Launch and kill; milliseconds from TASK_KILLING to the end of each that ignores SIGTERM. */
async function launchAndKill(master: FakeMaster, workDir: string, from: number): Promise<number[]> {
  const ids = Array.from({ length: AT_A_TIME }, (_, i) => `t${from + i}`);
  const stubborn = (id: string): boolean => Number(id.slice(1)) % 5 === 0;
  for (const id of ids) {
    const value = stubborn(id)
      ? 'trap "" TERM; echo ready >ready; while :; do sleep 1000 & wait; done'
      : 'setsid sleep 1000 & exec sleep 1000';
    const task = taskInfo(id, {
      command: { value },
      resources: [
        { name: 'cpus', type: 'SCALAR', scalar: { value: 0.01 } },
        { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
      ],
      kill_policy: { grace_period: { nanoseconds: GRACE_MS * 1e6 } },
    });
    master.send({ type: 'RUN_TASK', run_task: { framework_info: FRAMEWORK, task } });
  }
  const has = (id: string, state: string): boolean => master.statuses(id).some((s) => s.state === state);
  await master.until(() => ids.every((id) => has(id, 'TASK_RUNNING')));
  // before it has set its trap, a shell ends at SIGTERM like everybody
  const executors = join(workDir, 'slaves/agent-S0/frameworks/fw-1/executors');
  const ready = (id: string): boolean => existsSync(join(executors, id, 'runs/latest/ready'));
  await expect.poll(() => ids.filter(stubborn).every(ready), { timeout: 60_000 }).toBe(true);
  for (const id of ids)
    master.send({
      type: 'KILL_TASK',
      kill_task: { framework_id: { value: 'fw-1' }, task_id: { value: id } },
    });
  await master.until(() => ids.every((id) => has(id, 'TASK_KILLED')));
  return ids.filter(stubborn).map((id) => {
    const at = (state: string): number =>
      (master.statuses(id).find((s) => s.state === state)?.timestamp ?? Number.NaN) * 1000;
    return at('TASK_KILLED') - at('TASK_KILLING');
  });
}

describe.each(canUse() ? (['process', 'cgroup'] as const) : (['process'] as const))(
  `${LAUNCHES} launches and kills, isolation %s`,
  (isolation) => {
    it('leave nothing behind, and SIGKILL comes when the grace is over', async () => {
      const workDir = await mkdtemp(join(tmpdir(), 'launches-'));
      const master = new FakeMaster();
      const agent = realAgent({
        master: await master.listen(),
        workDir,
        resources: 'cpus:64;mem:65536;disk:1000;ports:[31000-31010]',
        onStop: 'kill',
        isolation,
        cgroupRoot: ROOT,
      });
      await agent.start();
      await master.until(() => master.subscriptions.length > 0);
      await launchAndKill(master, workDir, -AT_A_TIME); // what is opened once and stays
      const settled = { children: 0, checkpoints: 0 };
      const first = { ...settled, remembered: AT_A_TIME };
      await expect.poll(() => remains(workDir), { timeout: 30_000 }).toMatchObject(first);
      const { files = 0, groups } = remains(workDir);
      const grace: number[] = [];
      for (let i = 0; i < LAUNCHES; i += AT_A_TIME) grace.push(...(await launchAndKill(master, workDir, i)));
      await expect
        .poll(() => remains(workDir), { timeout: 30_000 })
        .toMatchObject({
          ...settled,
          groups,
          remembered: Math.min(MOST_REMEMBERED, AT_A_TIME + LAUNCHES),
        });
      // connections to the master come and go
      const open = remains(workDir)['files'] ?? 0;
      expect(open - files).toBeLessThan(AT_A_TIME);
      grace.sort((a, b) => a - b);
      expect(grace.length).toBe(LAUNCHES / 5);
      expect(grace[0]).toBeGreaterThan(GRACE_MS - TOLERANCE_MS);
      // the median: the machine may do other things for a moment
      expect(grace[grace.length >> 1]).toBeLessThan(GRACE_MS + TOLERANCE_MS);
      console.log(
        `${isolation}: SIGKILL after ${grace[0]} to ${grace.at(-1)} ms, files ${files} then ${open}`,
      );
      await agent.stop();
      await master.close();
      await rm(workDir, { recursive: true, force: true, maxRetries: 20 });
      expect(remains(workDir)['groups']).toBe(0);
    });
  },
);
