import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Groups } from './groups.ts';
import { killGroup } from './kill.ts';

/** A slow machine has time; what comes sooner is not waited for. */
const SOON = { timeout: 30_000 };

/** Starts the next of its kind and ends, for ever: whoever looks for its pid finds one that is gone. */
const RUNNER = 'run() { sh -c "$SELF" & exit; }; run';

/* oxlint-disable max-lines-per-function -- a suite, not a function */
/** What both versions of the kernel's interface promise; needs the real kernel and root. */
export function runGroupsContract(
  name: string,
  under: { readonly groups: Groups; /** A folder of the group in some tree. */ folder(name: string): string },
): void {
  describe(`${name} (contract of control groups)`, () => {
    const { groups } = under;
    const children: ChildProcess[] = [];

    afterEach(async () => {
      for (const child of children.splice(0)) {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
      for (const group of groups.names()) await gone(group);
    });

    const gone = async (group: string): Promise<void> => {
      await expect
        .poll(() => {
          killGroup(groups, group);
          return groups.remove(group);
        }, SOON)
        .toBe(true);
    };
    /** A shell in the group, which begins when it is told to. */
    const start = async (
      group: string,
      script: string,
      env: Record<string, string> = {},
    ): Promise<number> => {
      const child = spawn('/bin/sh', ['-c', `read go; ${script}`], {
        stdio: ['pipe', 'ignore', 'ignore'],
        env: { PATH: '/usr/bin:/bin', ...env },
      });
      children.push(child);
      await once(child, 'spawn');
      groups.add(group, child.pid ?? 0);
      child.stdin.end('go\n');
      return child.pid ?? 0;
    };

    it('knows which groups there are', async () => {
      expect(groups.exists('a')).toBe(false);
      groups.create('a', undefined);
      groups.create('a', undefined);
      groups.create('b', undefined);
      expect(groups.names().sort()).toEqual(['a', 'b']);
      expect(groups.exists('a')).toBe(true);
      expect(groups.pids('a')).toEqual([]);
      expect(groups.remove('a')).toBe(true);
      expect(groups.remove('a')).toBe(true);
      expect(groups.names()).toEqual(['b']);
    });

    it('has what is put in and all that it starts, below it too', async () => {
      groups.create('a', undefined);
      const pid = await start('a', 'sleep 1000 & sleep 1000 & wait');
      await expect.poll(() => groups.pids('a').length, SOON).toBe(3);
      expect(groups.pids('a')).toContain(pid);
      mkdirSync(join(under.folder('a'), 'below'));
      expect(groups.remove('a')).toBe(false);
      expect(groups.usage('a')).toMatchObject({ threads: 3 });
      await gone('a');
      expect(groups.names()).toEqual([]);
    });

    it('holds all inside and lets them go on', async () => {
      groups.create('a', undefined);
      await start('a', 'while :; do :; done');
      groups.freeze('a', true);
      await expect.poll(() => groups.frozen('a'), SOON).toBe(true);
      groups.freeze('a', false);
      await expect.poll(() => groups.frozen('a'), SOON).toBe(false);
    });

    it('kills what never keeps its pid, but spares one', async () => {
      groups.create('a', undefined);
      const spared = await start('a', 'sh -c "$SELF"; exec sleep 1000', { SELF: RUNNER });
      await expect.poll(() => groups.pids('a').length, SOON).toBeGreaterThan(1);
      await expect
        .poll(() => {
          killGroup(groups, 'a', spared);
          return groups.pids('a').filter((pid) => pid !== spared);
        }, SOON)
        .toEqual([]);
      expect(groups.pids('a')).toEqual([spared]);
    });

    it('says what is used', async () => {
      groups.create('a', { cpus: 1, memBytes: 64 * 1024 * 1024 });
      await start('a', 'while :; do :; done');
      await expect.poll(() => groups.usage('a')['cpus_user_time_secs'] ?? 0, SOON).toBeGreaterThan(0.1);
    });

    it('takes a group that is not there for empty', () => {
      expect(groups.pids('none')).toEqual([]);
      expect(groups.oomKills('none')).toBe(0);
      expect(groups.memory('none').peakBytes).toBe(0);
      expect(groups.usage('none')).toEqual({ threads: 0 });
      groups.freeze('none', false);
      killGroup(groups, 'none');
    });
  });
}
