import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, watch } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { runLauncherContract } from '../launcher.contract.ts';
import type { Handle, LaunchCheckpoint, LaunchSpec } from '../launcher.ts';
import { members } from './members.ts';
import { createProcessLauncher } from './process-launcher.ts';
import { createProcTable } from './proc-table.ts';
import { createPsTable } from './ps-table.ts';
import { underProcesses } from './testing/commands.ts';

const table = createProcTable();

runLauncherContract('process launcher', () => underProcesses());
runLauncherContract('process launcher that looks with ps', () =>
  underProcesses({ table: createPsTable(systemClock) }),
);

/** A zombie is over; who should reap it is not our business. */
const runs = (pid: number): boolean => /[^ZX]/.test(table.stat(pid)?.state ?? 'X');

/** Resolve when the file has this many lines. */
async function lines(path: string, count: number): Promise<string[]> {
  const read = (): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []);
  while (read().length < count) {
    const watcher = watch(join(path, '..'));
    try {
      if (read().length < count)
        await once(watcher, 'change', { signal: AbortSignal.timeout(200) }).catch(() => {});
    } finally {
      watcher.close();
    }
  }
  return read();
}

describe('process trees', () => {
  const launcher = createProcessLauncher({ clock: systemClock });
  let folder: string;
  let handle: Handle | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tree-'));
  });
  afterEach(async () => {
    if (handle) await launcher.kill(handle, 0);
    await rm(folder, { recursive: true, force: true, maxRetries: 20 });
  });
  const spec = (argv: LaunchSpec['argv'], environment: Record<string, string> = {}): LaunchSpec => ({
    containerId: `tree-${folder.slice(-6)}`,
    argv,
    environment: { PATH: '/usr/bin:/bin', ...environment },
    sandbox: folder,
    runtimeDir: folder,
  });
  const run = async (script: string): Promise<Handle> => {
    handle = await launcher.launch(spec(['/bin/sh', '-c', script]), async () => {});
    return handle;
  };

  it('keeps stdout and stderr in the sandbox and gives only the environment it was told', async () => {
    const h = await run('pwd; echo oops >&2; env | cut -d= -f1 | sort');
    expect(await h.exited).toEqual({ kind: 'exited', code: 0 });
    const out = readFileSync(join(folder, 'stdout'), 'utf8').trim().split('\n');
    expect(out[0]).toBe(folder);
    expect(out.slice(1)).toEqual(['PATH', 'PWD', 'RIMROCK_CONTAINER_ID']);
    expect(readFileSync(join(folder, 'stderr'), 'utf8')).toBe('oops\n');
  });

  it('leaves nothing of a tree: own sessions, own groups, orphans, a cleared environment', async () => {
    const h = await run(
      `setsid sh -c 'echo $$ >> pids; exec sleep 1000' &
       (sh -c 'trap "" TERM; echo $$ >> pids; sleep 1000; :' &)
       env -i /bin/sh -c 'echo $$ >> pids; exec /bin/sleep 1000' &
       echo $$ >> pids; wait`,
    );
    const pids = (await lines(join(folder, 'pids'), 4)).map(Number);
    await launcher.kill(h, 50);
    expect(pids.filter(runs)).toEqual([]);
    expect(members(table, h.checkpoint, true)).toEqual([]);
  });

  it('takes down what a finished command left running', async () => {
    const h = await run(
      `setsid sh -c 'echo $$ >> pids; exec sleep 1000' & sleep 1000 & echo $! >> pids; wait_for() { while [ "$(wc -l < pids)" -lt 2 ]; do :; done; }; wait_for; exit 7`,
    );
    expect(await h.exited).toEqual({ kind: 'exited', code: 7 });
    const pids = (await lines(join(folder, 'pids'), 2)).map(Number);
    expect(pids.filter(runs)).toEqual([]);
  });

  it('keeps a supervisor of about a megabyte', async () => {
    const h = await run('sleep 1000');
    expect(table.residentBytes(h.checkpoint.pid)).toBeLessThan(4 * 1024 * 1024);
  });

  it('runs a program with its arguments untouched by any shell', async () => {
    handle = await launcher.launch(spec(['printf', '%s|', 'a b', '$HOME', "it's"]), async () => {});
    await handle.exited;
    expect(readFileSync(join(folder, 'stdout'), 'utf8')).toBe("a b|$HOME|it's|");
  });

  it('a task outlives its agent, and its status is found', async () => {
    const program = join(folder, 'agent.ts');
    const source = new URL('.', import.meta.url).pathname;
    await writeFile(
      program,
      `import { createProcessLauncher } from '${source}process-launcher.ts';
       import { systemClock } from '${source}../../../core/clock.ts';
       const launcher = createProcessLauncher({ clock: systemClock });
       const spec = { containerId: 'survivor', argv: ['/bin/sh', '-c', 'echo up >> up; read x < fifo; exit 42'],
         environment: { PATH: '/usr/bin:/bin' }, sandbox: ${JSON.stringify(folder)}, runtimeDir: ${JSON.stringify(folder)} };
       await launcher.launch(spec, async (c) => console.log(JSON.stringify(c)));
       setInterval(() => {}, 1000);`,
    );
    await once(spawn('mkfifo', [join(folder, 'fifo')]), 'exit');
    const agent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(agent.stdout, 'data')) as [Buffer];
    const checkpoint = JSON.parse(text.toString()) as LaunchCheckpoint;
    await lines(join(folder, 'up'), 1);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    const found = await launcher.reattach(checkpoint);
    if (typeof found === 'string') throw new Error(found);
    handle = found;
    expect(table.stat(checkpoint.pid)?.startTime).toBe(checkpoint.startTime);
    await writeFile(join(folder, 'fifo'), 'go\n');
    expect(await found.exited).toEqual({ kind: 'exited', code: 42 });
  });

  it('an agent that dies before the go starts nothing', async () => {
    const program = join(folder, 'agent.ts');
    const source = new URL('.', import.meta.url).pathname;
    await writeFile(
      program,
      `import { createProcessLauncher } from '${source}process-launcher.ts';
       import { systemClock } from '${source}../../../core/clock.ts';
       const launcher = createProcessLauncher({ clock: systemClock });
       const spec = { containerId: 'stillborn', argv: ['/bin/sh', '-c', 'echo up >> up; sleep 1000'],
         environment: { PATH: '/usr/bin:/bin' }, sandbox: ${JSON.stringify(folder)}, runtimeDir: ${JSON.stringify(folder)} };
       setInterval(() => {}, 1000);
       await launcher.launch(spec, (c) => { console.log(JSON.stringify(c)); return new Promise(() => {}); });`,
    );
    const agent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(agent.stdout, 'data')) as [Buffer];
    const checkpoint = JSON.parse(text.toString()) as LaunchCheckpoint;
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    const found = await launcher.reattach(checkpoint);
    if (typeof found !== 'string') expect(await found.exited).toEqual({ kind: 'unknown' });
    expect(existsSync(join(folder, 'up'))).toBe(false);
  });
});
