import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe } from 'vitest';
import { dockerConfigSchema } from '../../src/agent/launcher/docker/config.ts';
import { createDockerLauncher } from '../../src/agent/launcher/docker/index.ts';
import { runLauncherContract } from '../../src/agent/launcher/launcher.contract.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { busyboxTar, importImage } from '../support/dockerd.ts';
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
});
