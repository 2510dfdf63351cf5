import { mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Handle, Launcher, LaunchCheckpoint, LaunchSpec } from './launcher.ts';

/** What a contract run needs beside the launcher: commands that behave in known ways. */
export interface LauncherUnderTest {
  /** A launcher as a new agent process would make it; all of one test share the machine. */
  make(): Launcher;
  /** In what the commands run; undefined: on the machine as it is. */
  readonly container?: LaunchSpec['container'];
  readonly commands: {
    /** Ends with this status. */
    exit(code: number): LaunchSpec['argv'];
    /** Runs until SIGTERM. */
    readonly patient: LaunchSpec['argv'];
    /** Does not end at SIGTERM. */
    readonly stubborn: LaunchSpec['argv'];
    readonly missing: LaunchSpec['argv'];
  };
  /** What this launcher can hold a container to; what it cannot is not asked of it. */
  readonly holds?: {
    /** A user who is not the agent's own, and a command that ends with 0 exactly if it runs as that user. */
    readonly user?: { readonly name: string; readonly isUser: LaunchSpec['argv'] };
    /** A command that ends with 0 exactly if it may open this many files. */
    readonly openFiles?: (count: number) => LaunchSpec['argv'];
    /** A command that takes this much memory. */
    readonly eats?: (bytes: number) => LaunchSpec['argv'];
    /** It can be held to another limit of memory as it runs. */
    readonly changes?: {
      /** A command that says `ready`, takes this much memory at SIGUSR1, and ends with what came of that. */
      readonly eatsAtSignal: (bytes: number) => LaunchSpec['argv'];
      /** A command that takes this much memory and keeps it. */
      readonly keeps: (bytes: number) => LaunchSpec['argv'];
      /** It ends as a whole, too, when it is a command beside it that goes over its memory. */
      readonly asWhole: boolean;
    };
    /** A command that ends with 0 exactly if this path is a folder that may not be written to. */
    readonly readOnly?: (path: string) => LaunchSpec['argv'];
  };
}

const MB = 1024 * 1024;
const SIGUSR1 = constants.signals.SIGUSR1;

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
      // Again where somebody who followed a container has just written its last words.
      await rm(folder, { recursive: true, force: true, maxRetries: 20 });
    });

    const make = (): Launcher => {
      const launcher = under().make();
      launchers.push(launcher);
      return launcher;
    };
    const spec = (argv: LaunchSpec['argv'], more: Partial<LaunchSpec> = {}): LaunchSpec => ({
      containerId: `c${process.pid}-${folder.slice(-6)}-${next}`,
      argv,
      environment: { PATH: '/usr/bin:/bin' },
      sandbox: folder,
      runtimeDir: mkdirSync(join(folder, `run-${next++}`), { recursive: true }) ?? folder,
      container: under().container,
      ...more,
    });
    const launch = async (
      launcher: Launcher,
      argv: LaunchSpec['argv'],
      more: Partial<LaunchSpec> = {},
    ): Promise<{ handle: Handle; committed: LaunchCheckpoint[] }> => {
      const committed: LaunchCheckpoint[] = [];
      const handle = await launcher.launch(spec(argv, more), async (c) => void committed.push(c));
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

    it('says what a container uses while it runs', async () => {
      const launcher = make();
      const quantities = { cpus: 0.5, memBytes: 64 * MB };
      const { handle } = await launch(launcher, under().commands.patient, { quantities });
      const count = async (): Promise<number> => (await launcher.usage(handle))?.['processes'] ?? 0;
      await expect.poll(count, { timeout: 30_000 }).toBeGreaterThan(0);
      await launcher.kill(handle, 0);
      expect(await launcher.usage(handle)).toBeUndefined();
    });

    it('runs commands beside a container, found again or not', async () => {
      const launcher = make();
      const { handle } = await launch(launcher, under().commands.patient);
      const found = await make().reattach(handle.checkpoint);
      if (typeof found === 'string') throw new Error(found);
      const { commands } = under();
      const { signal } = new AbortController();
      for (const [by, container] of [
        [launcher, handle],
        [launchers[1] ?? launcher, found],
      ] as const) {
        expect(await by.exec(container, spec(commands.exit(0)), signal)).toBe(0);
        expect(await by.exec(container, spec(commands.exit(4)), signal)).toBe(4);
        expect(await by.exec(container, spec(commands.missing), signal)).toBe(127);
      }
    });

    it('cuts a command short that runs beside a container, and nothing else', async () => {
      const launcher = make();
      const { handle } = await launch(launcher, under().commands.patient);
      const count = async (): Promise<number> => (await launcher.usage(handle))?.['processes'] ?? 0;
      // what starts a container may be seen beside it for a moment
      let before = 0;
      for (let same = 0; same < 10; same++) {
        const now = await count();
        if (now !== before || now === 0) same = 0;
        before = now;
      }
      const controller = new AbortController();
      const running = launcher.exec(handle, spec(under().commands.stubborn), controller.signal);
      await expect.poll(count, { timeout: 30_000 }).toBeGreaterThan(before);
      controller.abort(new Error('too slow'));
      await expect(running).rejects.toThrow('too slow');
      await expect.poll(count, { timeout: 30_000 }).toBe(before);
      await expect(launcher.exec(handle, spec(under().commands.exit(0)), controller.signal)).rejects.toThrow(
        'too slow',
      );
      expect(await launcher.kill(handle, 30_000)).toEqual({ kind: 'signaled', signal: 15 });
    });

    it('runs as the user it is told, also what runs beside it', async () => {
      const { user } = under().holds ?? {};
      if (!user) return;
      const launcher = make();
      const { handle } = await launch(launcher, user.isUser, { user: user.name });
      expect(await handle.exited).toEqual({ kind: 'exited', code: 0 });
      const { handle: agents } = await launch(launcher, user.isUser);
      expect(await agents.exited).toEqual({ kind: 'exited', code: 1 });
      const { handle: lasting } = await launch(launcher, under().commands.patient, { user: user.name });
      const found = await make().reattach(lasting.checkpoint);
      if (typeof found === 'string') throw new Error(found);
      const { signal } = new AbortController();
      expect(await launchers[1]?.exec(found, spec(user.isUser), signal)).toBe(0);
    });

    it('refuses a user that is not there', async () => {
      if (!under().holds?.user) return;
      const refused = launch(make(), under().commands.patient, { user: 'no-such-user' });
      await expect(refused).rejects.toThrow("no user 'no-such-user'");
    });

    it('sets limits of setrlimit, and refuses what is none', async () => {
      const { openFiles } = under().holds ?? {};
      if (!openFiles) return;
      const launcher = make();
      const limited = (soft: number, hard: number): Partial<LaunchSpec> => ({
        rlimits: [{ type: 'RLMT_NOFILE', soft, hard }],
      });
      const { handle: few } = await launch(launcher, openFiles(60), limited(50, 50));
      expect(await few.exited).not.toEqual({ kind: 'exited', code: 0 });
      const { handle: enough } = await launch(launcher, openFiles(60), limited(90, 100));
      expect(await enough.exited).toEqual({ kind: 'exited', code: 0 });
      const unknown = { rlimits: [{ type: 'RLMT_SLEEP' }] };
      await expect(launch(launcher, openFiles(1), unknown)).rejects.toThrow("Unknown rlimit 'RLMT_SLEEP'");
      await expect(launch(launcher, openFiles(1), limited(9, 8))).rejects.toThrow("'soft' at most 'hard'");
    });

    it('mounts what it is told for the container alone, and for what runs beside it', async () => {
      const { readOnly } = under().holds ?? {};
      if (!readOnly) return;
      const launcher = make();
      const [source, target] = ['source', 'target'].map((name) => join(folder, name)) as [string, string];
      for (const path of [source, target]) mkdirSync(path);
      const mounts = [{ volume: 'target', source, target, readOnly: true }];
      const { handle } = await launch(launcher, readOnly(target), { mounts });
      expect(await handle.exited).toEqual({ kind: 'exited', code: 0 });
      const { handle: lasting } = await launch(launcher, under().commands.patient, { mounts });
      const found = await make().reattach(lasting.checkpoint);
      if (typeof found === 'string') throw new Error(found);
      const { signal } = new AbortController();
      const beside = (): Promise<number> | undefined =>
        launchers[1]?.exec(found, spec(readOnly(target)), signal);
      await expect.poll(beside, { timeout: 30_000 }).toBe(0);
      const { handle: without } = await launch(launcher, readOnly(target));
      expect(await without.exited).not.toEqual({ kind: 'exited', code: 0 });
    });

    it('ends what goes over its memory, says so, and lets others be', async () => {
      const { eats } = under().holds ?? {};
      if (!eats) return;
      const launcher = make();
      const quantities = { cpus: 0.1, memBytes: 48 * MB };
      const { handle: greedy } = await launch(launcher, eats(200 * MB), { quantities });
      const { handle: modest } = await launch(launcher, eats(8 * MB), { quantities });
      const exit = await greedy.exited;
      expect(exit).toMatchObject({
        limitation: {
          reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
          message: expect.stringMatching(/^Memory limit exceeded: Requested: 48MB Maximum Used: 4[78]/),
          resources: [{ name: 'mem', type: 'SCALAR' }],
        },
      });
      const found = await make().reattach(greedy.checkpoint);
      if (typeof found === 'string') throw new Error(found);
      expect(await found.exited).toEqual(exit);
      const end = await modest.exited;
      expect(end).toEqual({ kind: 'exited', code: 0 });
      // a limit beyond the request is what counts
      const roomy = { quantities: { ...quantities, memLimitBytes: Number.POSITIVE_INFINITY } };
      const { handle: unlimited } = await launch(launcher, eats(80 * MB), roomy);
      expect(await unlimited.exited).toEqual({ kind: 'exited', code: 0 });
    });

    it('is held to other limits as it runs', async () => {
      const { eats, changes } = under().holds ?? {};
      if (!eats || !changes) return;
      for (const beside of changes.asWhole ? [false, true] : [false]) {
        const [launcher, later] = [make(), make()];
        const { handle } = await launch(launcher, changes.eatsAtSignal(90 * MB), {
          quantities: { cpus: 0.1, memBytes: 48 * MB },
        });
        const { signal } = new AbortController();
        await launcher.limit(handle, { cpus: 0.1, memBytes: 256 * MB });
        expect(await launcher.exec(handle, spec(eats(90 * MB)), signal)).toBe(0);
        const found = await later.reattach(handle.checkpoint);
        if (typeof found === 'string') throw new Error(found);
        await later.limit(found, { cpus: 0.1, memBytes: 50 * MB });
        const ready = (): Promise<string> => readFile(join(folder, 'stdout'), 'utf8').catch(() => '');
        await expect.poll(ready, { timeout: 30_000 }).toContain('ready');
        if (beside) await later.exec(found, spec(eats(90 * MB)), signal).catch(() => {});
        else await later.signal(found, SIGUSR1);
        expect(await found.exited).toMatchObject({
          limitation: { message: expect.stringMatching(/^Memory limit exceeded: Requested: 50MB/) },
        });
        await launcher.limit(handle, { cpus: 0.1, memBytes: 50 * MB }); // it is over
      }
    });

    it('has nothing taken away that it uses; a lower limit holds when it has given that back', async () => {
      const { changes, eats } = under().holds ?? {};
      if (!eats || !changes) return;
      const launcher = make();
      const { handle } = await launch(launcher, under().commands.patient, {
        quantities: { cpus: 0.1, memBytes: 256 * MB },
      });
      const now = async (name: string): Promise<number> =>
        ((await launcher.usage(handle))?.[`mem_${name}_bytes`] ?? 0) / MB;
      const controller = new AbortController();
      const keeping = launcher.exec(handle, spec(changes.keeps(90 * MB)), controller.signal);
      keeping.catch(() => {});
      await expect.poll(() => now('total'), { timeout: 30_000 }).toBeGreaterThan(90);
      await launcher.limit(handle, { cpus: 0.1, memBytes: 50 * MB });
      expect(await now('limit')).toBe(256);
      expect(await now('total')).toBeGreaterThan(90);
      controller.abort(new Error('given back'));
      await expect(keeping).rejects.toThrow('given back');
      await expect.poll(() => now('limit'), { timeout: 30_000 }).toBe(50);
      expect(await launcher.kill(handle, 30_000)).toEqual({ kind: 'signaled', signal: 15 });
    });
  });
}
