import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe } from 'vitest';
import { dockerConfigSchema } from '../../src/agent/launcher/docker/config.ts';
import { createDockerLauncher } from '../../src/agent/launcher/docker/index.ts';
import { runLauncherContract } from '../../src/agent/launcher/launcher.contract.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { busyboxTar, dockerdMissing, importImage, startDockerd } from '../support/dockerd.ts';
import type { TestEngine } from '../support/dockerd.ts';
import { dockerBehaviour } from './docker/behaviour.ts';
import { dockerExecutors } from './docker/executors.ts';
import { heldByDocker, inBusybox } from './docker/commands.ts';
import { dockerPulls } from './docker/pulls.ts';
import { dockerPlatform } from './docker/platform.ts';
import { dockerOutages } from './docker/outages.ts';

const missing = dockerdMissing();

describe.skipIf(missing !== undefined)(`the Docker engine${missing ? ` (no ${missing} here)` : ''}`, () => {
  let engine: TestEngine;

  beforeAll(async () => {
    engine = await startDockerd();
    const tar = await busyboxTar();
    await importImage(engine.socket, 'busybox', tar);
    await importImage(engine.socket, 'speaker', tar, [
      'ENTRYPOINT ["/bin/echo", "image:"]',
      'CMD ["nothing"]',
      'USER 1234',
      'ENV FROM=image',
    ]);
  });
  afterAll(() => engine?.close());

  runLauncherContract('docker launcher', () => ({
    make: () =>
      createDockerLauncher({
        clock: systemClock,
        log: silentLogger,
        root: tmpdir(),
        config: dockerConfigSchema.parse({ socket: engine.socket }),
      }),
    ...inBusybox,
    holds: heldByDocker,
  }));

  dockerBehaviour(() => engine);
  dockerPulls(() => engine);
  dockerOutages(() => engine);
  dockerPlatform(() => engine);
  dockerExecutors(() => engine);
});
