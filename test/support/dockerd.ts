import { execFile, execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import { has } from './peers.ts';

const run = promisify(execFile);

/** What a real engine needs of this machine; undefined when all is there. */
export function dockerdMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'root';
  const missing = ['dockerd', 'runc', 'ip', 'nsenter', 'busybox', 'tar'].find((command) => !has(command));
  return missing;
}

/** A real container engine of this test's own, with nothing in common with one of the machine. */
export interface TestEngine {
  readonly socket: string;
  /** Name of the network namespace in which it runs; its bridges and their ports are there. */
  readonly namespace: string;
  /** End it as `signal` does, and start it again; its containers go on (live restore). */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  start(): Promise<void>;
  /** Run a program in the namespace; its stdout. */
  inside(...command: readonly string[]): Promise<string>;
  /** End it with everything it made. */
  close(): Promise<void>;
}

/** One request to the engine; the body, whatever the status. */
export function askEngine(
  socket: string,
  method: string,
  path: string,
  body?: Buffer | string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: 'docker',
      'content-type': body instanceof Buffer ? 'application/x-tar' : 'application/json',
    };
    const asked = request({ socketPath: socket, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      answer.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

let count = 0;

/** Start a dockerd with a folder, a socket and a network namespace of its own. */
export async function startDockerd(options: { readonly registry?: string } = {}): Promise<TestEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'dockerd-'));
  const namespace = `rr-docker-${process.pid}-${count++}`;
  const socket = join(folder, 'docker.sock');
  execFileSync('ip', ['netns', 'add', namespace]);
  execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  await writeFile(join(folder, 'daemon.json'), '{}'); // not the machine's
  let child: ChildProcess | undefined;
  const inside = async (...command: readonly string[]): Promise<string> => {
    const { stdout } = await run('nsenter', [`--net=/run/netns/${namespace}`, ...command]);
    return stdout;
  };
  const start = async (): Promise<void> => {
    const log = openSync(join(folder, 'log'), 'a');
    child = spawn(
      'nsenter',
      [
        `--net=/run/netns/${namespace}`,
        'dockerd',
        `--data-root=${join(folder, 'data')}`,
        `--exec-root=${join(folder, 'exec')}`,
        `--pidfile=${join(folder, 'pid')}`,
        `--host=unix://${socket}`,
        `--config-file=${join(folder, 'daemon.json')}`,
        '--storage-driver=overlay2',
        '--exec-opt=native.cgroupdriver=cgroupfs',
        '--live-restore',
        ...(options.registry === undefined ? [] : [`--insecure-registry=${options.registry}`]),
      ],
      { stdio: ['ignore', log, log], detached: true },
    );
    closeSync(log);
    await once(child, 'spawn');
    const died = once(child, 'exit').then(() => {
      throw new Error(readFileSync(join(folder, 'log'), 'utf8').slice(-2000));
    });
    died.catch(() => {}); // later on it is ended on purpose
    const answers = eventually(
      'dockerd to answer',
      async () => (await askEngine(socket, 'GET', '/_ping')) === 'OK',
      { timeoutMs: 60_000 },
    );
    await Promise.race([answers, died]);
  };
  const stop = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
    // a containerd that outlived it may not be found again; it goes, and the containers stay with their shims
    if (signal === 'SIGKILL') await endAll([`${folder}/exec/containerd/containerd.toml`]);
    for (const pid of ['pid', 'exec/containerd/containerd.pid']) await rm(join(folder, pid), { force: true });
  };
  await start();
  return {
    socket,
    namespace,
    inside,
    start,
    stop,
    async restart(signal) {
      await stop(signal);
      await start();
    },
    async close() {
      const containers = JSON.parse(
        await askEngine(socket, 'GET', '/containers/json?all=1').catch(() => '[]'),
      ) as { Id: string }[];
      for (const { Id } of containers) await askEngine(socket, 'DELETE', `/containers/${Id}?force=1&v=1`);
      await stop();
      await endAll([folder]);
      execFileSync('ip', ['netns', 'del', namespace]);
      await unmountBelow(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}

/** End every process whose command line has all of these words in it: they are those of one engine. */
export async function endAll(words: readonly string[]): Promise<void> {
  const left = (): number[] =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => {
        if (!Number.isInteger(pid) || pid === process.pid) return false;
        try {
          const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
          return words.every((word) => line.includes(word));
        } catch {
          return false;
        }
      });
  for (const pid of left()) process.kill(pid, 'SIGKILL');
  await eventually('what belongs to the engine to end', () => left().length === 0);
}

export async function unmountBelow(folder: string): Promise<void> {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of mounts.reverse()) await run('umount', ['-l', path]).catch(() => {});
}

/** A root file system of nothing but busybox, as a tar. */
export async function busyboxTar(): Promise<Buffer> {
  const root = await mkdtemp(join(tmpdir(), 'image-'));
  try {
    for (const path of ['bin', 'etc', 'tmp', 'root']) await mkdir(join(root, path));
    await copyFile('/usr/bin/busybox', join(root, 'bin', 'busybox')).catch(() =>
      copyFile('/bin/busybox', join(root, 'bin', 'busybox')),
    );
    await chmod(join(root, 'bin', 'busybox'), 0o755);
    const applets = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).split('\n');
    for (const applet of applets)
      if (applet !== '' && applet !== 'busybox') await symlink('busybox', join(root, 'bin', applet));
    return execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 2 ** 26 });
  } finally {
    await rm(root, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** Import an image; `changes` are instructions of a Dockerfile. */
export async function importImage(
  socket: string,
  name: string,
  tar: Buffer,
  changes: readonly string[] = [],
): Promise<void> {
  const [repo = '', tag = 'latest'] = name.split(':');
  const query = new URLSearchParams({ fromSrc: '-', repo, tag });
  for (const change of changes) query.append('changes', change);
  const said = await askEngine(socket, 'POST', `/images/create?${query.toString()}`, tar);
  if (!said.includes('sha256:')) throw new Error(`the image was not imported: ${said}`);
}
