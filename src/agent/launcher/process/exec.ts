import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { CONTAINER_VARIABLE } from '../launcher.ts';
import type { ExecSpec, LaunchCheckpoint } from '../launcher.ts';
import { commandOf, signalAll } from './members.ts';
import { enterWords } from './mounts.ts';
import { prepare } from './prepare.ts';
import { EXEC_SCRIPT, SUPERVISOR_NAME } from './supervisor.ts';
import type { TreeParts } from './tree.ts';

/** Each command beside a container has a number of its own, by which what it leaves behind is found. */
const EXEC_VARIABLE = 'RIMROCK_EXEC_ID';
let execs = 0;

/** Run a command in a session of its own, in the group of the container; see `Launcher.exec`. */
export async function execBeside(
  parts: TreeParts,
  checkpoint: LaunchCheckpoint,
  command: ExecSpec,
  signal: AbortSignal,
): Promise<number> {
  const { containerId, user } = checkpoint;
  const mark = `${process.pid}-${++execs}`;
  const marks = { [CONTAINER_VARIABLE]: containerId, [EXEC_VARIABLE]: mark };
  const environment = { ...command.environment, ...marks };
  const ownMounts = checkpoint.mounts === true;
  const { words, environment: env } = await prepare({ argv: command.argv, environment, user }, ownMounts);
  const inside = ownMounts ? commandOf(parts.census.table, checkpoint) : undefined;
  if (ownMounts && !inside) throw new Error('the container is over');
  const first = inside ? enterWords(inside.pid, command.sandbox) : [];
  signal.throwIfAborted();
  const child = spawn('/bin/sh', ['-c', EXEC_SCRIPT, SUPERVISOR_NAME, ...first, ...words], {
    cwd: command.sandbox,
    env: { ...env, ...marks },
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin?.on('error', () => {}); // it may end before it reads `go`
  await once(child, 'spawn');
  const ended = exitOf(child);
  try {
    if (parts.groups?.exists(containerId)) parts.groups.add(containerId, child.pid ?? 0);
    child.stdin?.end('go\n');
    return await orAborted(ended, signal);
  } finally {
    await endAll(parts, child, mark, signal.aborted);
  }
}

async function exitOf(child: ChildProcess): Promise<number> {
  const [code, name] = (await once(child, 'exit')) as [number | null, string | null];
  return code ?? (name === null ? 1 : 128);
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}

/**
 * The session as a whole: a check that hangs usually hangs in a child. Only after a check that was cut off are all
 * processes looked at for what left the session; what a check leaves there that ended well ends with the container.
 */
async function endAll(
  { census, signal }: TreeParts,
  child: ChildProcess,
  mark: string,
  thorough: boolean,
): Promise<void> {
  const session = child.pid ?? 0;
  signalAll([-session], 'SIGKILL');
  if (!thorough) return;
  const { table } = census;
  for (;;) {
    const all = await census.next();
    const left = all.filter((p) => p.session === session || table.variable(p.pid, EXEC_VARIABLE) === mark);
    if (left.length === 0 || signal.aborted) return;
    signalAll(
      left.map((p) => p.pid),
      'SIGKILL',
    );
  }
}
