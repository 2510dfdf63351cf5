import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askEngine, endAll, unmountBelow } from './dockerd.ts';
import { eventually } from './eventually.ts';
import { has } from './peers.ts';

export function podmanMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'root';
  return ['podman', 'conmon', 'runc', 'ip', 'nsenter', 'busybox', 'tar'].find((command) => !has(command));
}

/** The service of Podman that speaks the API of Docker, with folders and a network namespace of its own. */
export async function startPodman(): Promise<{ readonly socket: string; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'podman-'));
  const namespace = `rr-podman-${process.pid}`;
  const socket = join(folder, 'podman.sock');
  // its own defaults are more than a machine without CAP_SYS_RESOURCE may give
  const limits = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n';
  await writeFile(join(folder, 'containers.conf'), limits);
  execFileSync('ip', ['netns', 'add', namespace]);
  const child = spawn(
    'nsenter',
    [
      `--net=/run/netns/${namespace}`,
      'podman',
      `--root=${join(folder, 'root')}`,
      `--runroot=${join(folder, 'run')}`,
      `--tmpdir=${join(folder, 'tmp')}`,
      '--cgroup-manager=cgroupfs',
      '--storage-driver=overlay',
      '--events-backend=file',
      '--runtime=runc',
      'system',
      'service',
      '--time=0',
      `unix://${socket}`,
    ],
    { stdio: 'ignore', env: { ...process.env, CONTAINERS_CONF: join(folder, 'containers.conf') } },
  );
  await eventually('podman to answer', async () => (await askEngine(socket, 'GET', '/_ping')) === 'OK', {
    timeoutMs: 60_000,
  });
  return {
    socket,
    async close() {
      const all = JSON.parse(await askEngine(socket, 'GET', '/containers/json?all=1')) as { Id: string }[];
      for (const { Id } of all) await askEngine(socket, 'DELETE', `/containers/${Id}?force=1&v=1`);
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      await endAll([folder]);
      execFileSync('ip', ['netns', 'del', namespace]);
      await unmountBelow(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}
