import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findGroups } from '../../src/agent/launcher/cgroup/index.ts';
import { seededRandom } from '../../src/core/random.ts';
import { eventually, pause } from '../support/eventually.ts';
import { has } from '../support/peers.ts';
import type { Running } from '../support/platform.ts';
import { canSeeProcesses, processesMarked } from '../support/processes.ts';
import { root } from '../support/root.ts';
import { Cell, LONG } from './support/cell.ts';
import type { Ledger, Wanted } from './support/ledger.ts';

// An agent is killed again and again, at any moment of a launch, of a status and of an acknowledgement.

const KILLS = Number(process.env['RIMROCK_CHAOS_KILLS'] ?? (LONG ? 100 : 5));
const SEED = Number(process.env['RIMROCK_SEED'] ?? Date.now() % 1_000_000);
/** Of the control groups of these agents. */
const ROOT = `rimrock-kill-${process.pid}`;
const isRoot = process.getuid?.() === 0;

function groupsHere(): boolean {
  const groups = findGroups(`rimrock-probe-${process.pid}`, '/');
  if (typeof groups === 'string') return false;
  groups.close();
  return true;
}
/** Groups that no agent is left to remove; all of them are empty by now. */
function removeGroups(): void {
  for (const tree of ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((t) => `/sys/fs/cgroup/${t}`)]) {
    const own = join(tree, ROOT);
    if (!existsSync(own)) continue;
    const inside = readdirSync(own, { recursive: true, withFileTypes: true }).filter((e) => e.isDirectory());
    const folders = [own, ...inside.map((e) => join(e.parentPath, e.name))];
    for (const folder of folders.sort((a, b) => b.length - a.length)) rmdirSync(folder);
  }
}
const KINDS = groupsHere() ? (['process', 'cgroup'] as const) : (['process'] as const);

describe.skipIf(!canSeeProcesses)('kill -9 of agents (needs /proc)', () => {
  let cell: Cell;
  let ledger: Ledger;
  const agents = new Map<string, Running>();

  const start = async (kind: string, more: Record<string, string> = {}, through?: readonly string[]) =>
    cell.agent(
      kind,
      {
        'agent.isolation': kind,
        'agent.cgroupRoot': ROOT,
        'agent.statusRetrySeconds': 1,
        'agent.executorReregistrationTimeoutSeconds': 15,
        ...more,
      },
      through ? { through } : {},
    );
  const long = (kind: string): string[] => [0, 1, 2].map((i) => `long-${kind}-${i}`);
  const echo = (kind: string): Wanted => ({
    id: `echo-${kind}`,
    executor: {
      executor_id: { value: `echo-${kind}` },
      command: { value: `exec ${process.execPath} ${join(root, 'test/support/echo-executor.mjs')}` },
      resources: [
        { name: 'cpus', type: 'SCALAR', scalar: { value: 0.01 } },
        { name: 'mem', type: 'SCALAR', scalar: { value: 256 } },
      ],
    },
  });
  const executors = (): number[] =>
    processesMarked(cell.site.data)
      .filter((p) => p.command.includes('echo-executor.mjs') && !p.command.startsWith('/bin/sh'))
      .map((p) => p.pid)
      .sort((a, b) => a - b);

  beforeAll(async () => {
    cell = await Cell.make();
    await cell.master();
    ledger = cell.ledger();
    await Promise.all(KINDS.map(async (kind) => agents.set(kind, await start(kind))));
    for (const kind of KINDS) {
      const tasks = long(kind).map((id) => ({ id, command: cell.forever() }));
      await ledger.launch([...tasks, echo(kind)], kind);
    }
    await ledger.reached([...KINDS.flatMap(long), ...KINDS.map((k) => `echo-${k}`)], 'TASK_RUNNING');
    await eventually(
      'the shells to have become what they run',
      () => cell.pids().length === KINDS.length * 3,
    );
  });
  afterAll(async () => {
    await cell.close();
    if (KINDS.length > 1) removeGroups();
  });

  it(
    `${KILLS} times, ${KINDS.join(' and ')}: the same processes, every status told, nothing launched twice (seed ${SEED})`,
    { timeout: 120_000 + KILLS * 20_000 },
    async () => {
      const random = seededRandom(SEED);
      const before = cell.processes();
      const executorsBefore = executors();
      expect(before).toHaveLength(KINDS.length * 3);
      expect(executorsBefore).toHaveLength(KINDS.length);
      const brief: string[] = [];
      for (let round = 0; round < KILLS; round++) {
        const ids = KINDS.map((kind) => `brief-${round}-${kind}`);
        brief.push(...ids);
        for (const [i, kind] of KINDS.entries())
          await ledger.launch([{ id: ids[i]!, command: cell.brief(round % 2 ? 3 : 0) }], kind);
        await pause(random.int(250)); // the moment of the kill is what is tried
        await Promise.all([...agents.values()].map((agent) => agent.kill9()));
        expect(cell.processes()).toEqual(before);
        await Promise.all(KINDS.map(async (kind) => agents.set(kind, await start(kind))));
        await cell.registered(...KINDS);
        await eventually('the ends of brief tasks', () => ids.every((id) => ledger.ended(id)), {
          timeoutMs: 60_000,
        });
      }
      expect(cell.processes()).toEqual(before);
      expect(executors()).toEqual(executorsBefore);
      expect(cell.twice()).toEqual([]);
      expect(ledger.problems()).toEqual([]);
      const ends = new Map<string, number>();
      for (const id of brief) {
        const end = ledger.states(id).at(-1) ?? 'none';
        ends.set(end, (ends.get(end) ?? 0) + 1);
        // what ran to its end is told as it ended; what never ran was dropped, or its supervisor ended without a word
        const told = round(id) % 2 ? ['TASK_FAILED'] : ['TASK_FINISHED'];
        expect(cell.starts(id) === 0 ? ['TASK_DROPPED', 'TASK_GONE'] : told, id).toContain(end);
      }
      console.log(
        `seed ${SEED}: ${KILLS} kills, brief tasks ended ${JSON.stringify(Object.fromEntries(ends))}, ` +
          `${ledger.heard.length} statuses of which ${ledger.heard.length - new Set(ledger.heard.map((s) => s.uuid)).size} repeated`,
      );
    },
  );
  const round = (id: string): number => Number(id.split('-')[1]);

  it('refuses to start with less than it promised, touches nothing, and goes on as it was', async () => {
    const before = cell.processes();
    await agents.get('process')?.kill9();
    const folder = join(cell.site.data, 'process/agent/meta/agent.json');
    const noted = readFileSync(folder, 'utf8');
    for (const change of [
      { 'agent.resources': 'cpus:1;mem:65536;disk:65536;ports:[31000-31001]' },
      { 'agent.attributes': 'rack:r9' },
      { 'agent.hostname': 'other' },
    ]) {
      const refused = start('process', change);
      await expect(refused).rejects.toThrow('AGENT_RECONFIGURED');
      await expect(refused).rejects.toThrow('agent.json'); // what to do about it
    }
    expect(readFileSync(folder, 'utf8')).toBe(noted);
    expect(cell.processes()).toEqual(before);
    agents.set('process', await start('process', { 'agent.attributes': '' }));
    await cell.registered('process');
    expect(cell.processes()).toEqual(before);
    expect(ledger.problems()).toEqual([]);
  });

  it.skipIf(!isRoot || !has('unshare'))(
    'tells a boot of the machine from a restart: tasks are lost, once, and the agent keeps its id (needs root)',
    async () => {
      const id = async () => (await cell.state()).slaves.find((s) => s.hostname === 'process')?.id;
      const was = await id();
      await agents.get('process')?.kill9();
      // what a boot does to processes, supervisors first, and to the boot id
      const ours = processesMarked(cell.site.data).filter((p) =>
        /MESOS_TASK_ID=long-process-|MESOS_EXECUTOR_ID=echo-process/.test(p.environment ?? ''),
      );
      expect(ours.length).toBeGreaterThan(long('process').length);
      for (const { pid } of ours.toSorted((a, b) => a.pid - b.pid)) process.kill(pid, 'SIGKILL');
      const bootId = join(cell.site.data, 'boot_id');
      writeFileSync(bootId, 'another-boot\n');
      const script = `mount --bind ${bootId} /proc/sys/kernel/random/boot_id && exec "$@"`;
      const through = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
      for (let boots = 0; boots < 2; boots++) {
        const agent = await start('process', {}, through);
        agents.set('process', agent);
        await cell.registered('process');
        expect(agent.output()).toContain(boots === 0 ? 'the machine was booted' : 'agent recovered');
        await eventually('all to be told lost', () => long('process').every((t) => ledger.ended(t)), {
          timeoutMs: 30_000,
        });
        if (boots === 0) await agent.kill9();
      }
      for (const task of long('process')) expect(ledger.states(task).at(-1)).toBe('TASK_GONE');
      expect(ledger.problems()).toEqual([]);
      expect(await id()).toBe(was);
      expect(existsSync(bootId)).toBe(true);
    },
  );
});
