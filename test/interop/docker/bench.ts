import { mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { dockerConfigSchema } from '../../../src/agent/launcher/docker/config.ts';
import { createDockerLauncher } from '../../../src/agent/launcher/docker/index.ts';
import type { Handle, Launcher, LaunchSpec } from '../../../src/agent/launcher/launcher.ts';
import type { Clock } from '../../../src/core/clock.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/log.ts';
import type { DockerInfo } from '../../../src/mesos/index.ts';
import { askEngine } from '../../support/dockerd.ts';
import type { TestEngine } from '../../support/dockerd.ts';

/** What one test has of an engine; everything in it ends with the test. */
export interface Bench {
  readonly folder: string;
  make(config?: Record<string, unknown>, clock?: Clock): Launcher;
  /** A spec for the image `busybox`. */
  spec(argv: LaunchSpec['argv'], more?: Partial<LaunchSpec>): LaunchSpec;
  /** The container of a spec. */
  docker(info: Partial<DockerInfo>): { readonly container: NonNullable<LaunchSpec['container']> };
  /** Launch with a launcher of its own. */
  run(spec: LaunchSpec, config?: Record<string, unknown>): Promise<Handle>;
  read(spec: LaunchSpec, name?: 'stdout' | 'stderr'): Promise<string>;
  /** Names of all containers of this test, ended ones too. */
  containers(): Promise<string[]>;
}

export function useBench(engine: () => TestEngine): Bench {
  let folder = '';
  let launchers: Launcher[] = [];
  let next = 0;
  const containers = async (): Promise<string[]> => {
    const all = JSON.parse(await askEngine(engine().socket, 'GET', '/containers/json?all=1')) as {
      readonly Names: string[];
      readonly Labels: Record<string, string>;
    }[];
    return all
      .filter((c) => c.Labels['rimrock.runtime-dir']?.startsWith(folder))
      .flatMap((c) => c.Names.map((name) => name.slice(1)));
  };
  const bench: Bench = {
    get folder() {
      return folder;
    },
    make(config = {}, clock = systemClock) {
      const launcher = createDockerLauncher({
        clock,
        log: silentLogger,
        root: folder,
        config: dockerConfigSchema.parse({ socket: engine().socket, ...config }),
      });
      launchers.push(launcher);
      return launcher;
    },
    spec(argv, more = {}) {
      const containerId = `b${process.pid}-${next++}`;
      const sandbox = join(folder, containerId);
      const runtimeDir = join(folder, `${containerId}-meta`);
      mkdirSync(sandbox);
      mkdirSync(runtimeDir);
      const container = { type: 'DOCKER', docker: { image: 'busybox' } } as const;
      return { containerId, argv, environment: {}, sandbox, runtimeDir, container, ...more };
    },
    docker: (info) => ({ container: { type: 'DOCKER', docker: { image: 'busybox', ...info } } }),
    run: (spec, config) => bench.make(config).launch(spec, async () => {}),
    read: (spec, name = 'stdout') => readFile(join(spec.sandbox, name), 'utf8'),
    containers,
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'docker-test-'));
    launchers = [];
  });
  afterEach(async () => {
    for (const launcher of launchers) launcher.close();
    // an engine that a test has lost has its containers removed when it is closed
    for (const name of await containers().catch(() => []))
      await askEngine(engine().socket, 'DELETE', `/containers/${name}?force=1&v=1`);
    await rm(folder, { recursive: true, force: true, maxRetries: 20 });
  });
  return bench;
}

export const shell = (script: string): LaunchSpec['argv'] => ['/bin/sh', '-c', script];
