import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProcessTable } from './process-table.ts';

/** A slow machine has time; what comes sooner is not waited for. */
const SOON = { timeout: 30_000 };

const NAME = 'RIMROCK_TABLE_TEST';
const MB = 1024 * 1024;

/** What everybody who looks at processes sees, whatever it looks with. */
export function runProcessTableContract(name: string, make: () => ProcessTable): void {
  describe(`${name} (contract of process tables)`, () => {
    const children: ChildProcess[] = [];
    afterEach(async () => {
      for (const child of children.splice(0)) {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      }
    });
    const start = async (script: string): Promise<number> => {
      const env = { PATH: '/usr/bin:/bin', [NAME]: 'here' };
      const child = spawn('/bin/sh', ['-c', script, 'some-name', 'a b'], {
        env,
        detached: true,
        stdio: 'ignore',
      });
      children.push(child);
      await once(child, 'spawn');
      return child.pid ?? 0;
    };

    it('sees a process, whose child it is, and how it was started', async () => {
      const table = make();
      const pid = await start('sleep 1000; :');
      await expect.poll(() => table.variable(pid, NAME), SOON).toBe('here');
      expect(table.stat(pid)).toMatchObject({ pid, ppid: process.pid, session: pid });
      expect(table.variable(pid, 'RIMROCK_NO_SUCH')).toBe('');
      expect(table.commandLine(pid)).toContain('sleep 1000; : some-name a b');
      expect(table.residentBytes(process.pid)).toBeGreaterThan(20 * MB);
      const child = (): number | undefined => table.all().find((p) => p.ppid === pid)?.pid;
      await expect.poll(child, SOON).toBeGreaterThan(0);
      expect(table.all().find((p) => p.pid === child())).toMatchObject({ session: pid });
    });

    it('tells processes apart by their start', async () => {
      const [table, later] = [make(), make()];
      const { startTime = '' } = table.stat(process.pid) ?? {};
      expect(table.sameStart(startTime, later.stat(process.pid)?.startTime ?? '')).toBe(true);
      expect(table.sameStart(startTime, table.stat(1)?.startTime ?? '')).toBe(false);
      expect(table.sameStart(startTime, '1')).toBe(false);
      expect(table.bootId()).not.toBe('');
      expect(table.bootId()).toBe(later.bootId());
    });

    it('sees nothing of what is over', async () => {
      const table = make();
      const pid = await start('exit 0');
      const [child] = children;
      if (child?.exitCode === null) await once(child, 'exit');
      expect(table.stat(pid)).toBeUndefined();
      expect(table.all().some((p) => p.pid === pid)).toBe(false);
      expect(table.commandLine(pid)).toBe('');
      expect(table.variable(pid, NAME)).toBeUndefined();
      expect(table.residentBytes(pid)).toBe(0);
    });

    it('counts CPU time', async () => {
      const table = make();
      const pid = await start('while :; do :; done');
      const used = (): number => {
        const { userSeconds = 0, systemSeconds = 0 } = table.stat(pid) ?? {};
        return userSeconds + systemSeconds;
      };
      await expect.poll(used, { timeout: 60_000, interval: 200 }).toBeGreaterThanOrEqual(1);
    });
  });
}
