import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runLauncherContract } from '../launcher.contract.ts';
import { underProcesses } from '../process/testing/commands.ts';
import { findGroups, readMounts } from './find.ts';
import { runGroupsContract } from './groups.contract.ts';
import { limitationOf } from './limitation.ts';
import { createGroupsV1 } from './v1.ts';
import { createGroupsV2, weightOf } from './v2.ts';

const MB = 1024 * 1024;
const ROOT = `rimrock-test-${process.pid}`;
const root = process.platform === 'linux' && process.getuid?.() === 0;
const mounts = root
  ? readMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
  : { v1: new Map<string, string>(), v2: undefined };
const [freezer, memory, cpu, pids] = ['freezer', 'memory', 'cpu', 'pids'].map((c) => mounts.v1.get(c));
const tree2 = mounts.v2;

describe.runIf(freezer !== undefined && memory !== undefined && cpu !== undefined)('version 1', () => {
  const groups = createGroupsV1(mounts.v1, ROOT);
  afterAll(() => groups.close());
  runGroupsContract('version 1', { groups, folder: (name) => join(freezer ?? '', ROOT, name) });
  runLauncherContract('process launcher with cgroup v1', () => underProcesses({ groups }));

  const value = (mount: string | undefined, file: string): string =>
    readFileSync(join(mount ?? '', ROOT, 'limited', file), 'utf8').trim();

  it('is told what a container may have', () => {
    groups.create('limited', {
      cpus: 0.5,
      cpuLimit: 1.5,
      memBytes: 40 * MB,
      memLimitBytes: 100 * MB,
      ...(pids === undefined ? {} : { pids: 77 }),
    });
    expect(value(cpu, 'cpu.shares')).toBe('512');
    expect(value(cpu, 'cpu.cfs_quota_us')).toBe('150000');
    expect(value(cpu, 'cpu.cfs_period_us')).toBe('100000');
    expect(value(memory, 'memory.limit_in_bytes')).toBe(String(100 * MB));
    expect(value(memory, 'memory.soft_limit_in_bytes')).toBe(String(40 * MB));
    if (pids !== undefined) expect(value(pids, 'pids.max')).toBe('77');
    expect(groups.usage('limited')).toMatchObject({ mem_limit_bytes: 100 * MB });
    expect(groups.limit('limited', { cpus: 1, memBytes: 50 * MB })).toBe(true);
    expect(value(cpu, 'cpu.shares')).toBe('1024');
    expect(value(cpu, 'cpu.cfs_quota_us')).toBe('-1');
    expect(value(memory, 'memory.limit_in_bytes')).toBe(String(50 * MB));
    groups.remove('limited');
    expect(groups.limit('limited', { cpus: 1, memBytes: 50 * MB })).toBe(true);
    groups.create('limited', { cpus: 0, memBytes: MB });
    expect(value(cpu, 'cpu.shares')).toBe('2');
    expect(value(memory, 'memory.limit_in_bytes')).toBe(String(32 * MB));
    expect(groups.limit('limited', { cpus: 0, memBytes: MB, memLimitBytes: Infinity })).toBe(true);
    expect(groups.memory('limited').limitBytes).toBeUndefined();
    groups.remove('limited');
  });
});

describe.runIf(freezer !== undefined && memory !== undefined && cpu !== undefined && tree2 !== undefined)(
  'version 1, beside the tree of version 2',
  () => {
    const groups = createGroupsV1(mounts.v1, `${ROOT}/both`, tree2);
    const folder = (name: string): string => join(tree2 ?? '', ROOT, 'both', name);
    afterAll(() => groups.close());
    runGroupsContract('version 1, beside version 2', { groups, folder });

    it('says the group of version 2, in which what is added is as well', async () => {
      groups.create('known', undefined);
      expect(groups.unified('known')).toEqual({ path: folder('known'), level: 3 });
      expect(createGroupsV1(mounts.v1, ROOT).unified('known')).toBeUndefined();
      const child = spawn('sleep', ['600']);
      await once(child, 'spawn');
      groups.add('known', child.pid ?? 0);
      expect(readFileSync(join(folder('known'), 'cgroup.procs'), 'utf8')).toBe(`${child.pid}\n`);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await expect.poll(() => groups.remove('known'), { timeout: 30_000 }).toBe(true);
      expect(existsSync(folder('known'))).toBe(false);
    });
  },
);

describe.runIf(tree2 !== undefined)('version 2', () => {
  const groups = createGroupsV2(tree2 ?? '', ROOT);
  afterAll(() => groups.close());
  runGroupsContract('version 2', { groups, folder: (name) => join(tree2 ?? '', ROOT, name) });
  runLauncherContract('process launcher with cgroup v2', () => underProcesses({ groups }));

  const free = (
    readdirSync(tree2 ?? '/').includes('cgroup.controllers')
      ? readFileSync(join(tree2 ?? '', 'cgroup.controllers'), 'utf8')
          .trim()
          .split(' ')
      : []
  ).find((c) => c === 'hugetlb' || c === 'pids');
  it.runIf(free !== undefined)('hands a controller down to the containers', () => {
    const deep = createGroupsV2(tree2 ?? '', `${ROOT}/deep`, [free ?? '']);
    deep.create('one', undefined);
    expect(readFileSync(join(tree2 ?? '', ROOT, 'deep/one/cgroup.controllers'), 'utf8').trim()).toContain(
      free,
    );
    deep.remove('one');
    deep.close();
  });
});

describe('version 2 with its files in a folder', () => {
  let mount: string;
  const file = (name: string): string => readFileSync(join(mount, name), 'utf8');
  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'cgroup2-'));
    writeFileSync(join(mount, 'cgroup.controllers'), 'cpuset cpu io memory pids\n');
    writeFileSync(join(mount, 'cgroup.subtree_control'), 'cpu\n');
  });
  afterEach(() => rmSync(mount, { recursive: true, force: true }));

  it('is told what a container may have', () => {
    const groups = createGroupsV2(mount, 'rimrock/agent');
    groups.create('c', { cpus: 1, cpuLimit: 0.25, memBytes: 64 * MB, pids: 50 });
    expect(file('cgroup.subtree_control')).toBe('+memory +pids');
    expect(file('rimrock/cgroup.subtree_control')).toBe('+memory +cpu +pids');
    expect(file('rimrock/agent/cgroup.subtree_control')).toBe('+memory +cpu +pids');
    const of = (name: string): string => file(`rimrock/agent/c/${name}`);
    expect(['cpu.weight', 'cpu.max', 'memory.low', 'memory.max', 'pids.max'].map(of)).toEqual([
      '39',
      '25000 100000',
      String(64 * MB),
      String(64 * MB),
      '50',
    ]);
    groups.create('free', { cpus: 1, memBytes: 64 * MB, memLimitBytes: Infinity });
    expect(readdirSync(join(mount, 'rimrock/agent/free')).sort()).toEqual(['cpu.weight', 'memory.low']);
  });

  it('is told what a container may have from now on, and takes no memory that is used', () => {
    const groups = createGroupsV2(mount, 'r');
    groups.create('c', { cpus: 1, cpuLimit: 2, memBytes: 64 * MB, pids: 50 });
    const of = (name: string): string => file(`r/c/${name}`);
    expect(groups.limit('c', { cpus: 0, memBytes: MB })).toBe(true); // not there
    writeFileSync(join(mount, 'r/c/cgroup.events'), 'populated 1\n');
    expect(groups.limit('c', { cpus: 1, memBytes: 128 * MB, pids: 50, sharers: 3 })).toBe(true);
    expect(['cpu.max', 'memory.max', 'pids.max'].map(of)).toEqual(['max 100000', String(128 * MB), '150']);
    writeFileSync(join(mount, 'r/c/memory.current'), String(100 * MB));
    writeFileSync(join(mount, 'r/c/memory.stat'), `anon 0\nfile ${60 * MB}\nshmem ${20 * MB}\n`);
    expect(groups.limit('c', { cpus: 1, memBytes: 59 * MB })).toBe(false);
    expect(of('memory.max')).toBe(String(128 * MB));
    expect(groups.limit('c', { cpus: 1, memBytes: 60 * MB })).toBe(true);
    expect(groups.limit('c', { cpus: 1, memBytes: MB, memLimitBytes: Infinity })).toBe(true);
    expect(of('memory.max')).toBe('max');
  });

  it('leaves out controllers that are not there', () => {
    writeFileSync(join(mount, 'cgroup.controllers'), '\n');
    const groups = createGroupsV2(mount, 'rimrock');
    groups.create('c', { cpus: 1, memBytes: 64 * MB, pids: 50 });
    expect(groups.description).toContain('no controllers');
    expect(readdirSync(join(mount, 'rimrock/c'))).toEqual([]);
  });

  it('reads usage and kills for memory', () => {
    const groups = createGroupsV2(mount, 'r');
    groups.create('c', { cpus: 1, memBytes: 64 * MB });
    const put = (name: string, text: string): void => writeFileSync(join(mount, 'r/c', name), text);
    put(
      'cpu.stat',
      'usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\nnr_periods 9\nnr_throttled 4\nthrottled_usec 500000\n',
    );
    put('memory.current', '5000\n');
    put('memory.stat', 'anon 4000\nfile 900\nfile_mapped 100\n');
    put('cgroup.threads', '1\n2\n');
    mkdirSync(join(mount, 'r/c/below'));
    writeFileSync(join(mount, 'r/c/below/cgroup.threads'), '3\n');
    expect(groups.usage('c')).toEqual({
      threads: 3,
      cpus_user_time_secs: 2,
      cpus_system_time_secs: 1,
      cpus_nr_periods: 9,
      cpus_nr_throttled: 4,
      cpus_throttled_time_secs: 0.5,
      mem_total_bytes: 5000,
      mem_rss_bytes: 4000,
      mem_anon_bytes: 4000,
      mem_file_bytes: 900,
      mem_mapped_file_bytes: 100,
      mem_limit_bytes: 64 * MB,
    });
    put('memory.events', 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\n');
    expect(limitationOf(groups, 'c')).toBeUndefined();
    put('memory.events', 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\n');
    put('memory.peak', String(63.5 * MB));
    expect(limitationOf(groups, 'c')).toEqual({
      reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
      message: 'Memory limit exceeded: Requested: 64MB Maximum Used: 63.5MB',
      resources: [{ name: 'mem', type: 'SCALAR', scalar: { value: 63.5 } }],
    });
  });

  it('weighs as other runtimes do', () => {
    expect([2, 1024, 262_144, 1_000_000].map(weightOf)).toEqual([1, 39, 10_000, 10_000]);
  });
});

describe('where control groups are', () => {
  it('is read from the mounts', () => {
    const line = (mount: string, kind: string): string =>
      `30 23 0:26 / ${mount} rw,relatime shared:9 - ${kind}`;
    const hybrid = [
      line('/', 'ext4 /dev/vda rw'),
      line('/sys/fs/cgroup/unified', 'cgroup2 cgroup2 rw,nsdelegate'),
      line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup cgroup rw,cpu,cpuacct'),
      line('/mnt/my\\040groups', 'cgroup cgroup rw,memory'),
    ].join('\n');
    const { v1, v2 } = readMounts(hybrid);
    expect(v2).toBe('/sys/fs/cgroup/unified');
    expect(v1.get('cpuacct')).toBe('/sys/fs/cgroup/cpu,cpuacct');
    expect(v1.get('memory')).toBe('/mnt/my groups');
    expect(v1.has('freezer')).toBe(false);
  });

  it.runIf(root)('is a folder for each work folder, and nothing is left of the trial', () => {
    const [one, two] = ['/w/one', '/w/two'].map((workDir) => findGroups(ROOT, workDir));
    if (typeof one !== 'object' || typeof two !== 'object') {
      expect(one).toMatch(/control groups|cannot be used/);
      return;
    }
    one.create('mine', undefined);
    expect([one.names(), two.names()]).toEqual([['mine'], []]);
    one.remove('mine');
    one.close();
    two.close();
    expect(readdirSync(freezer ?? tree2 ?? '')).not.toContain(ROOT);
  });
});
