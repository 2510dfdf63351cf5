import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { LaunchCheckpoint } from '../../../src/agent/launcher/launcher.ts';
import type { TestEngine } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { root } from '../../support/root.ts';
import { shell, useBench } from './bench.ts';

/** Writes a line for each number until there is a file `enough`, on both streams in turn. */
const COUNTER = `trap "" TERM; i=0; while [ ! -e $MESOS_SANDBOX/enough ]; do i=$((i+1)); echo $i; echo $i >&2
  [ $((i % 50)) -ne 0 ] || usleep 20000; done; echo $i > $MESOS_SANDBOX/last`;

function upTo(last: number): string {
  return Array.from({ length: last }, (_, i) => `${i + 1}\n`).join('');
}

/** Agents and engines that end in the middle of something. */
export function dockerOutages(engine: () => TestEngine): void {
  describe('when something ends in between', () => {
    const bench = useBench(engine);
    const children: ChildProcess[] = [];
    afterEach(async () => {
      for (const child of children.splice(0)) {
        if (child.exitCode === null && child.signalCode === null) {
          const gone = once(child, 'exit');
          child.kill('SIGKILL');
          await gone;
        }
      }
    });

    const agent = async (order: Record<string, unknown>): Promise<ChildProcess> => {
      const whole = JSON.stringify({
        socket: engine().socket,
        root: bench.folder,
        file: join(bench.folder, 'checkpoint'),
        ...order,
      });
      const child = spawn(process.execPath, [join(root, 'test/support/docker-agent.ts'), whole], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      const [said] = (await once(child.stdout ?? child, 'data')) as [Buffer];
      expect(said.toString()).toBe('watching');
      return child;
    };
    const lines = async (spec: { readonly sandbox: string }): Promise<number> =>
      (await readFile(join(spec.sandbox, 'stdout'), 'utf8')).split('\n').length - 1;
    const grown = async (spec: { readonly sandbox: string }): Promise<void> => {
      const before = await lines(spec).catch(() => 0);
      await eventually('more output', async () => (await lines(spec)) > before + 200, { timeoutMs: 60_000 });
    };
    const finish = async (spec: { readonly sandbox: string }): Promise<string> => {
      const { writeFile } = await import('node:fs/promises');
      await writeFile(join(spec.sandbox, 'enough'), '');
      // The file is there before its line is.
      const last = await eventually('the end', async () => {
        const text = await readFile(join(spec.sandbox, 'last'), 'utf8');
        return text.endsWith('\n') ? text : undefined;
      });
      return upTo(Number(last));
    };

    it('the output is complete, and nothing twice, over agents that are killed', async () => {
      const spec = bench.spec(shell(COUNTER));
      let child = await agent({ spec });
      const checkpoint = JSON.parse(
        await readFile(join(bench.folder, 'checkpoint'), 'utf8'),
      ) as LaunchCheckpoint;
      for (let round = 0; round < 3; round++) {
        await grown(spec);
        const gone = once(child, 'exit');
        child.kill('SIGKILL');
        await gone;
        child = await agent({ checkpoint });
      }
      await grown(spec);
      child.kill('SIGKILL');
      const all = await finish(spec);
      const found = await bench.make().reattach(checkpoint);
      if (typeof found === 'string') throw new Error(found);
      expect(await found.exited).toEqual({ kind: 'exited', code: 0 });
      expect(await bench.read(spec)).toBe(all);
      expect(await bench.read(spec, 'stderr')).toBe(all);
    });

    it('a container that was never started is gone, and an agent that died leaves none behind', async () => {
      const launcher = bench.make();
      let seen: LaunchCheckpoint | undefined;
      // an agent that dies between create and start
      void launcher.launch(bench.spec(shell('sleep 1000')), (c) => {
        seen = c;
        return new Promise(() => {});
      });
      await eventually('the container', () => seen);
      const lost = bench.spec(shell('sleep 1000'));
      void launcher.launch(lost, () => new Promise(() => {}));
      await eventually('the other container', async () => (await bench.containers()).length === 2);
      const later = bench.make();
      expect(seen && (await later.reattach(seen))).toBe('gone');
      expect(await bench.containers()).toEqual([`mesos-${lost.containerId}`]);
      expect(await later.endForgotten(bench.folder, new Set())).toEqual([]); // it never ran
      expect(await bench.containers()).toEqual([]);
    });

    it('the output and the end of a container are known over an engine that is killed or restarted', async () => {
      const launcher = bench.make();
      const spec = bench.spec(shell(COUNTER));
      const handle = await launcher.launch(spec, async () => {});
      for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
        await grown(spec);
        await engine().restart(signal);
      }
      await grown(spec);
      const all = await finish(spec);
      expect(await handle.exited).toEqual({ kind: 'exited', code: 0 });
      expect(await bench.read(spec)).toBe(all);
      expect(await bench.read(spec, 'stderr')).toBe(all);
    });

    it('while the engine is away: no launch, nothing is assumed of what runs, and a kill waits for it', async () => {
      const launcher = bench.make();
      const spec = bench.spec(shell('trap "exit 143" TERM; while :; do sleep 1 & wait; done'));
      const handle = await launcher.launch(spec, async () => {});
      await engine().stop();
      await expect(launcher.launch(bench.spec(shell('true')), async () => {})).rejects.toThrow(
        /Docker engine at .* does not answer.*systemctl start docker/,
      );
      const later = bench.make();
      const found = await later.reattach(handle.checkpoint);
      if (typeof found === 'string') throw new Error(found);
      expect(await later.endForgotten(bench.folder, new Set([spec.containerId]))).toEqual([]);
      const ended = later.kill(found, 60_000);
      await engine().start();
      expect(await ended).toEqual({ kind: 'signaled', signal: 15 });
      expect(await handle.exited).toEqual({ kind: 'signaled', signal: 15 });
    });
  });
}
