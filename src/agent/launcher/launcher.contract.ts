import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Handle, Launcher, LaunchCheckpoint, LaunchSpec } from './launcher.ts';

/** What a contract run needs beside the launcher: commands that behave in known ways. */
export interface LauncherUnderTest {
  /** A launcher as a new agent process would make it; all of one test share the machine. */
  make(): Launcher;
  readonly commands: {
    /** Ends with this status. */
    exit(code: number): LaunchSpec['argv'];
    /** Runs until SIGTERM. */
    readonly patient: LaunchSpec['argv'];
    /** Does not end at SIGTERM. */
    readonly stubborn: LaunchSpec['argv'];
    readonly missing: LaunchSpec['argv'];
  };
}

/* oxlint-disable max-lines-per-function -- a suite, not a function */
/** Every launcher, and every fake of one, keeps these promises. */
export function runLauncherContract(name: string, under: () => LauncherUnderTest): void {
  describe(`${name} (launcher contract)`, () => {
    let folder: string;
    let started: Handle[];
    let launchers: Launcher[];
    let next: number;

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'launcher-'));
      started = [];
      launchers = [];
      next = 0;
    });
    afterEach(async () => {
      const last = make();
      for (const h of started) {
        const found = await last.reattach(h.checkpoint);
        if (typeof found !== 'string') await last.kill(found, 0);
      }
      for (const l of launchers) l.close();
      await rm(folder, { recursive: true, force: true });
    });

    const make = (): Launcher => {
      const launcher = under().make();
      launchers.push(launcher);
      return launcher;
    };
    const spec = (argv: LaunchSpec['argv']): LaunchSpec => ({
      containerId: `c${process.pid}-${folder.slice(-6)}-${next++}`,
      argv,
      environment: { PATH: '/usr/bin:/bin' },
      sandbox: folder,
      runtimeDir: folder,
    });
    const launch = async (
      launcher: Launcher,
      argv: LaunchSpec['argv'],
    ): Promise<{ handle: Handle; committed: LaunchCheckpoint[] }> => {
      const committed: LaunchCheckpoint[] = [];
      const handle = await launcher.launch(spec(argv), async (c) => void committed.push(c));
      started.push(handle);
      return { handle, committed };
    };

    it('tells the exit status', async () => {
      const launcher = make();
      const { handle } = await launch(launcher, under().commands.exit(3));
      expect(await handle.exited).toEqual({ kind: 'exited', code: 3 });
    });

    it('commits the identity once, before the command runs', async () => {
      const launcher = make();
      const { handle, committed } = await launch(launcher, under().commands.exit(0));
      expect(committed).toEqual([handle.checkpoint]);
      await handle.exited;
    });

    it('runs nothing when the commit fails', async () => {
      const launcher = make();
      let seen: LaunchCheckpoint | undefined;
      const failing = launcher.launch(spec(under().commands.patient), async (c) => {
        seen = c;
        throw new Error('disk full');
      });
      await expect(failing).rejects.toThrow('disk full');
      expect(seen && (await launcher.reattach(seen))).toBe('gone');
    });

    it('reports a program that is not there as status 127', async () => {
      const launcher = make();
      const { handle } = await launch(launcher, under().commands.missing);
      expect(await handle.exited).toEqual({ kind: 'exited', code: 127 });
    });

    it('ends with SIGTERM within the grace', async () => {
      const launcher = make();
      const { handle } = await launch(launcher, under().commands.patient);
      expect(await launcher.kill(handle, 30_000)).toEqual({ kind: 'signaled', signal: 15 });
    });

    it('ends what ignores SIGTERM with SIGKILL; a second kill brings it nearer', async () => {
      const launcher = make();
      const { handle } = await launch(launcher, under().commands.stubborn);
      const first = launcher.kill(handle, 3_600_000);
      const second = launcher.kill(handle, 0);
      expect(await first).toEqual({ kind: 'signaled', signal: 9 });
      expect(await second).toEqual(await first);
    });

    it('finds a running container again and ends it', async () => {
      const { handle } = await launch(make(), under().commands.patient);
      launchers[0]?.close();
      const later = make();
      const found = await later.reattach(handle.checkpoint);
      if (typeof found === 'string') throw new Error(found);
      expect(found.checkpoint).toEqual(handle.checkpoint);
      expect(await later.kill(found, 0)).toEqual({ kind: 'signaled', signal: 9 });
    });

    it('knows the status of a container that ended unwatched', async () => {
      const { handle } = await launch(make(), under().commands.exit(5));
      await handle.exited;
      const found = await make().reattach(handle.checkpoint);
      if (typeof found === 'string') throw new Error(found);
      expect(await found.exited).toEqual({ kind: 'exited', code: 5 });
    });

    it('never takes a stranger with the same pid for its own', async () => {
      const launcher = make();
      const { handle } = await launch(launcher, under().commands.patient);
      const stranger = { ...handle.checkpoint, startTime: '1', runtimeDir: join(folder, 'none') };
      const reborn = { ...handle.checkpoint, bootId: 'another boot', runtimeDir: join(folder, 'none') };
      expect(await launcher.reattach({ ...stranger, containerId: 'other' })).toBe('not-mine');
      expect(await launcher.reattach({ ...reborn, containerId: 'other' })).toBe('not-mine');
      expect(await launcher.kill(handle, 0)).toEqual({ kind: 'signaled', signal: 9 });
    });

    it('ends what nobody has a checkpoint of, and nothing else', async () => {
      const launcher = make();
      const { handle: known } = await launch(launcher, under().commands.patient);
      const { handle: forgotten } = await launch(launcher, under().commands.stubborn);
      const ids = new Set([known.checkpoint.containerId]);
      const later = make();
      expect(await later.endForgotten(join(folder, 'elsewhere'), new Set())).toEqual([]);
      expect(await later.endForgotten(folder, ids)).toEqual([forgotten.checkpoint.containerId]);
      expect(await forgotten.exited).toEqual({ kind: 'signaled', signal: 9 });
      expect(await later.endForgotten(folder, ids)).toEqual([]);
      expect(await launcher.kill(known, 30_000)).toEqual({ kind: 'signaled', signal: 15 });
    });
  });
}
