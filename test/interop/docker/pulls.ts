import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askEngine, busyboxTar } from '../../support/dockerd.ts';
import type { TestEngine } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { root } from '../../support/root.ts';
import { shell, useBench } from './bench.ts';

/** Images from a registry beside the engine. */
export function dockerPulls(engine: () => TestEngine): void {
  describe('an image of a registry', () => {
    const bench = useBench(engine);
    let folder: string;
    const children: ChildProcess[] = [];
    let open: string;
    let guarded: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'registry-'));
      writeFileSync(join(folder, 'image.tar'), await busyboxTar());
      const start = async (...login: string[]): Promise<string> => {
        const script = join(root, 'test/support/registry.ts');
        const words = [process.execPath, script, join(folder, 'image.tar'), ...login];
        const child = spawn('nsenter', [`--net=/run/netns/${engine().namespace}`, ...words], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        children.push(child);
        const [port] = (await once(child.stdout, 'data')) as [Buffer];
        return `127.0.0.1:${port.toString()}`;
      };
      open = await start();
      guarded = await start('me:secret');
    });
    afterAll(async () => {
      for (const child of children) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true, maxRetries: 20 });
    });

    const control = (what: string): Promise<string> =>
      engine().inside('curl', '-sS', `http://${open}/${what}`);
    const removeImage = (name: string): Promise<string> =>
      askEngine(engine().socket, 'DELETE', `/images/${name}?force=1`);

    it('is pulled, with what happens in the stderr of the sandbox, and is there the next time', async () => {
      const image = `${open}/web`;
      const spec = bench.spec(shell('echo ran'), bench.docker({ image }));
      expect(await (await bench.run(spec)).exited).toEqual({ kind: 'exited', code: 0 });
      expect(await bench.read(spec)).toBe('ran\n');
      const told = await bench.read(spec, 'stderr');
      expect(told).toMatch(new RegExp(`^Pulling image ${image}:latest\n`));
      expect(told).toMatch(/Pull complete\n/);
      const again = bench.spec(shell('true'), bench.docker({ image }));
      await (
        await bench.run(again)
      ).exited;
      expect(await bench.read(again, 'stderr')).toBe('');
      const forced = bench.spec(shell('true'), bench.docker({ image, force_pull_image: true }));
      await (
        await bench.run(forced)
      ).exited;
      expect(await bench.read(forced, 'stderr')).toMatch(/Image is up to date/);
      await removeImage(`${image}:latest`);
    });

    it('is pulled once for launches that want it at a time; one that gives up leaves it to the others', async () => {
      const image = `${open}/slow/db`;
      const before = Number(await control('sent'));
      const launcher = bench.make();
      const abort = new AbortController();
      const [first, second] = [0, 1].map((i) => ({
        ...bench.spec(shell('true'), bench.docker({ image })),
        ...(i === 0 ? { signal: abort.signal } : {}),
      }));
      if (!first || !second) throw new Error('two');
      const given = launcher.launch(first, async () => {});
      const stays = launcher.launch(second, async () => {});
      await eventually('the layer', async () => Number(await control('sent')) > before);
      abort.abort(new Error('the task was killed'));
      await expect(given).rejects.toThrow('the task was killed');
      await control('release');
      expect(await (await stays).exited).toEqual({ kind: 'exited', code: 0 });
      expect(Number(await control('sent'))).toBe(before + 1);
      expect(await bench.read(second, 'stderr')).toMatch(/Pull complete/);
      expect(await bench.containers()).toEqual([`mesos-${second.containerId}`]);
      await removeImage(`${image}:latest`);
    });

    it('for which one has to log in is pulled with the login of the sandbox, or of the agent', async () => {
      const image = `${guarded}/private`;
      const logins = JSON.stringify({
        auths: { [guarded]: { auth: Buffer.from('me:secret').toString('base64') } },
      });
      const without = bench.spec(shell('true'), bench.docker({ image }));
      await expect(bench.run(without)).rejects.toThrow(
        /private:latest cannot be pulled: .*agent\.docker\.credentials/,
      );

      const own = bench.spec(shell('true'), bench.docker({ image }));
      mkdirSync(join(own.sandbox, '.docker'));
      writeFileSync(join(own.sandbox, '.docker', 'config.json'), logins);
      expect(await (await bench.run(own)).exited).toEqual({ kind: 'exited', code: 0 });

      await removeImage(`${image}:latest`);
      const credentials = join(folder, 'config.json');
      writeFileSync(credentials, logins);
      const agents = bench.spec(shell('true'), bench.docker({ image }));
      expect(await (await bench.run(agents, { credentials })).exited).toEqual({ kind: 'exited', code: 0 });
      await removeImage(`${image}:latest`);
    });
  });
}
