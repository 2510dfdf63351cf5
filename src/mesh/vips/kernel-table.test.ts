import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { RunCommand } from '../../net/index.ts';
import { KernelTable } from './kernel-table.ts';
import { digestIn } from './rules.ts';
import type { Redirects } from './rules.ts';

const TABLE = 'rimrock_mesh_test';

/** A kernel that has one table at most. */
class FakeKernel {
  table: string | undefined;
  commands = 0;
  /** What the next change is refused with. */
  refuses: string | undefined;

  readonly run: RunCommand = async (command, input = '') => {
    this.commands++;
    if (command.includes('list'))
      return { ok: this.table !== undefined, stdout: this.table ?? '', problem: '' };
    const problem = this.refuses;
    if (problem !== undefined) return { ok: false, stdout: '', problem };
    if (!command.includes('-c')) this.table = digestIn(input) === undefined ? undefined : input;
    return { ok: true, stdout: '', problem: '' };
  };
}

describe('the table of redirects in the kernel', () => {
  let kernel: FakeKernel;
  let clock: FakeClock;
  let table: KernelTable;
  let wanted: Redirects | undefined;
  let gone: Set<string>;
  beforeEach(() => {
    [kernel, clock, gone] = [new FakeKernel(), new FakeClock(), new Set()];
    wanted = {
      places: new Map([['11.0.0.1 . 80', '127.119.0.1']]),
      callers: ['a', 'b'].map((group, i) => ({ group, level: 1, port: 17_000 + i })),
    };
    const exists = (path: string): boolean => !gone.has(path.replace('/sys/fs/cgroup/', ''));
    table = new KernelTable({
      table: TABLE,
      run: kernel.run,
      clock,
      log: silentLogger,
      wanted: () => wanted,
      exists,
    });
  });
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };

  it('takes away what a predecessor has left, and says why it cannot be had', async () => {
    kernel.table = 'of a predecessor';
    expect(await table.begin()).toBeUndefined();
    expect(kernel.table).toBeUndefined();
    kernel.refuses = 'Operation not supported';
    expect(await table.begin()).toBe('nft: Operation not supported');
  });

  it('is brought to what is wanted, once for many changes, and removed when nothing is wanted or at the end', async () => {
    await table.begin();
    const before = kernel.commands;
    await Promise.all([table.changed(), table.changed(), table.changed()]);
    expect(kernel.commands).toBe(before + 1);
    expect(kernel.table).toContain('"a" : 17000, "b" : 17001');
    wanted = undefined;
    await table.changed();
    expect(kernel.table).toBeUndefined();
    wanted = { places: new Map(), callers: [] };
    await table.changed();
    expect(kernel.table).toBeDefined();
    await table.stop();
    expect([kernel.table, clock.pending]).toEqual([undefined, 0]);
  });

  it('leaves out groups that have gone: nft would refuse all of it', async () => {
    await table.begin();
    gone.add('a');
    await table.changed();
    expect(kernel.table).toContain('elements = { "b" : 17001 }');
    await table.stop();
  });

  it('tries again after a failure, and repairs what others did', async () => {
    await table.begin();
    kernel.refuses = 'Resource busy';
    await table.changed();
    expect([kernel.table, table.failures]).toEqual([undefined, 1]);
    kernel.refuses = undefined;
    clock.advance(1_000);
    await settled();
    expect(kernel.table).toContain('17000');
    for (const spoiled of [undefined, 'flushed']) {
      kernel.table = spoiled;
      clock.advance(10_000);
      await settled();
      expect(kernel.table).toContain('17000');
    }
    const before = kernel.commands;
    clock.advance(10_000);
    await settled();
    expect(kernel.commands).toBe(before + 1);
    await table.stop();
  });
});
