import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerConfigSchema } from '../../src/agent/launcher/docker/config.ts';
import { createDockerLauncher } from '../../src/agent/launcher/docker/index.ts';
import { runLauncherContract } from '../../src/agent/launcher/launcher.contract.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { askEngine, busyboxTar, importImage } from '../support/dockerd.ts';
import { podmanMissing, startPodman } from '../support/podman.ts';
import { inBusybox } from './docker/commands.ts';

const missing = podmanMissing();

describe.skipIf(missing !== undefined)(`podman${missing ? ` (no ${missing} here)` : ''}`, () => {
  let engine: Awaited<ReturnType<typeof startPodman>>;

  beforeAll(async () => {
    engine = await startPodman();
    await importImage(engine.socket, 'busybox', await busyboxTar());
  });
  afterAll(() => engine?.close());

  runLauncherContract('docker launcher on podman', () => ({
    make: () =>
      createDockerLauncher({
        clock: systemClock,
        log: silentLogger,
        root: tmpdir(),
        config: dockerConfigSchema.parse({ socket: engine.socket }),
      }),
    ...inBusybox,
  }));

  // Podman 4 does not change limits: an executor that began with few tasks would be ended for those that come
  it('does not limit what is to have more later on, where it could not give it more, and says so once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'podman-limits-'));
    const said: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void said.push(line) });
    const config = dockerConfigSchema.parse({ socket: engine.socket });
    const launcher = createDockerLauncher({ clock: systemClock, log, root: folder, config });
    const limitOf = async (sharers: number | undefined): Promise<number> => {
      const containerId = `limits-${sharers ?? 'task'}-${process.pid}`;
      const [sandbox, runtimeDir] = ['sandbox', 'meta'].map((name) => join(folder, containerId, name)) as [
        string,
        string,
      ];
      for (const path of [sandbox, runtimeDir]) mkdirSync(path, { recursive: true });
      const quantities = { cpus: 0.1, memBytes: 64 * 2 ** 20, ...(sharers === undefined ? {} : { sharers }) };
      const { container, commands } = inBusybox;
      const argv = commands.patient;
      const spec = { containerId, argv, environment: {}, sandbox, runtimeDir, container, quantities };
      const handle = await launcher.launch(spec, async () => {});
      if (sharers !== undefined) await launcher.limit(handle, { ...quantities, memBytes: 128 * 2 ** 20 });
      const looked = await askEngine(engine.socket, 'GET', `/containers/${handle.checkpoint.engineId}/json`);
      await launcher.kill(handle, 0);
      return (JSON.parse(looked) as { HostConfig: { Memory: number } }).HostConfig.Memory;
    };
    try {
      const version = JSON.parse(await askEngine(engine.socket, 'GET', '/version')) as { Version: string };
      const changes = Number(version.Version.split('.')[0]) > 4;
      expect([await limitOf(undefined), await limitOf(1), await limitOf(2)]).toEqual(
        changes ? [64, 128, 128].map((mb) => mb * 2 ** 20) : [64 * 2 ** 20, 0, 0],
      );
      expect(said.filter((line) => line.includes('does not change limits')).length).toBe(changes ? 0 : 1);
    } finally {
      launcher.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 20 });
    }
  });
});
