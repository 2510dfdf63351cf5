import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import type Dockerode from 'dockerode';
import type { Clock } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import type { ExecSpec } from '../launcher.ts';
import { environmentOf } from './create-options.ts';
import type { Engine } from './engine.ts';

/** Tells the processes of one command beside a container from all others: the engine cannot end what it has begun. */
const EXEC_VARIABLE = 'RIMROCK_EXEC_ID';

/** Run a command in a container; see `Launcher.exec`. Rejects with AGENT_DOCKER_ENGINE or AGENT_DOCKER_DOWN when it cannot be run. */
export async function execInside(
  { engine, clock }: { readonly engine: Pick<Engine, 'ask' | 'stream'>; readonly clock: Clock },
  container: { readonly id: string; readonly containerId: string },
  command: ExecSpec,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const mark = randomUUID();
  const environment = environmentOf({ ...command, containerId: container.containerId });
  const exec = await engine.ask('prepare a command in a container', (docker) =>
    docker.getContainer(container.id).exec({
      Cmd: [...command.argv],
      Env: [...environment, `${EXEC_VARIABLE}=${mark}`],
      AttachStdout: true,
      AttachStderr: true,
    }),
  );
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([outcome({ engine, clock }, exec, signal), aborted.promise]);
  } catch (error) {
    void endCommand(clock, mark);
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function outcome(
  { engine, clock }: { readonly engine: Pick<Engine, 'stream' | 'ask'>; readonly clock: Clock },
  exec: Dockerode.Exec,
  signal: AbortSignal,
): Promise<number> {
  const output = await engine.stream('run a command in a container', () =>
    exec.start({ abortSignal: signal }),
  );
  let said = '';
  output.on('data', (chunk: Buffer) => {
    if (said.length < SAID_MAX) said += chunk.toString('utf8');
  });
  await finished(output);
  const { ExitCode } = await ended({ engine, clock }, exec, signal);
  if (ExitCode === NOT_EXECUTABLE && MISSING.test(said)) return NOT_FOUND;
  return ExitCode ?? NO_STATUS;
}

/** The engine learns of the end of a command by another way than of the end of its output, and perhaps later: until then it says that it runs. */
async function ended(
  { engine, clock }: { readonly engine: Pick<Engine, 'ask'>; readonly clock: Clock },
  exec: Dockerode.Exec,
  signal: AbortSignal,
): Promise<Dockerode.ExecInspectInfo> {
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LAST_LOOK_MS)) {
    signal.throwIfAborted();
    const found = await engine.ask('look at a command in a container', () => exec.inspect());
    if (!found.Running) return found;
    await sleep(clock, wait, signal);
  }
}

/** Between looks whether a command has ended whose output has. */
const FIRST_LOOK_MS = 10;
const LAST_LOOK_MS = 500;
const NO_STATUS = 128;
/** Shells tell a program that is missing from one that cannot be run; engines say so in the output only. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;
const MISSING = /exec failed[^]*(no such file or directory|not found)/;
const SAID_MAX = 1000;
/** More rounds than any chain of forks takes that loses to a look at all processes. */
const ROUNDS = 50;
/** Between looks for a command that has not begun when it is cut short. */
const FIRST_WAIT_MS = 50;
const LAST_WAIT_MS = 6_400;

/** The engine may be about to begin what is to end, for a while after it was asked to. */
async function endCommand(clock: Clock, mark: string): Promise<void> {
  for (let wait = FIRST_WAIT_MS; !endMarked(mark) && wait <= LAST_WAIT_MS; wait *= 2)
    await sleep(clock, wait);
}

/** End every process that carries the mark, until a look finds none: they may fork while we look. Whether there was any. */
function endMarked(mark: string): boolean {
  for (let round = 0; round < ROUNDS; round++) {
    const left = marked(`${EXEC_VARIABLE}=${mark}`);
    if (left.length === 0) return round > 0;
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // over already
      }
    }
  }
  return true;
}

/** The engine runs on this machine, so its processes are in our /proc. */
function marked(variable: string): number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(variable);
    } catch {
      return false; // ended between two looks, or not ours to see
    }
  });
}
