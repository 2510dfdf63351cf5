import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import { agentErrors } from '../../errors.ts';
import type { ExitStatus, Handle, Launcher, LaunchCheckpoint, LaunchSpec } from '../launcher.ts';
import { CONTAINER_VARIABLE, members, signalAll, supervisorState } from './members.ts';
import { bootId, processStat } from './proc.ts';
import { readExitStatus, STATUS_FILE, SUPERVISOR_SCRIPT } from './supervisor.ts';

/** How often a supervisor that is not our child is looked at, and how often a dying tree is. */
const WATCH_MS = 200;
const REAP_MS = 20;
/** A supervisor whose task is gone ends by itself; after this long it is ended. */
const SUPERVISOR_LINGER_MS = 2000;

interface Running extends Handle {
  deadline: number | undefined;
  escalation: Timer | undefined;
}

/** Tasks as processes of their own session under a supervising shell. Linux: identity comes from /proc. */
export function createProcessLauncher(parts: { readonly clock: Clock }): Launcher {
  const { clock } = parts;
  const closed = new AbortController();
  const handles = new WeakMap<Handle, Running>();

  const track = (checkpoint: LaunchCheckpoint, exited: Promise<ExitStatus>): Handle => {
    const running: Running = { checkpoint, exited, deadline: undefined, escalation: undefined };
    handles.set(running, running);
    return running;
  };

  const killTree = async (checkpoint: LaunchCheckpoint): Promise<void> => {
    const giveUp = clock.monotonic() + SUPERVISOR_LINGER_MS;
    while (!closed.signal.aborted) {
      const left = members(checkpoint, true);
      signalAll(left, 'SIGKILL');
      if (left.length === 0) {
        if (supervisorState(checkpoint) !== 'alive') return;
        if (clock.monotonic() > giveUp) process.kill(checkpoint.pid, 'SIGKILL');
      }
      await sleep(clock, REAP_MS, closed.signal);
    }
  };

  return {
    async launch(spec, commit) {
      const child = await fork(spec);
      const gone = once(child, 'exit');
      try {
        const pid = child.pid ?? 0;
        const startTime = processStat(pid)?.startTime;
        if (startTime === undefined) throw new Error('the supervisor ended at once');
        const checkpoint: LaunchCheckpoint = {
          containerId: spec.containerId,
          runtimeDir: spec.runtimeDir,
          pid,
          startTime,
          bootId: bootId(),
        };
        await commit(checkpoint);
        child.stdin?.end('go\n');
        child.unref();
        return track(
          checkpoint,
          gone.then(() => over(clock, checkpoint, true, closed.signal)),
        );
      } catch (error) {
        child.stdin?.destroy();
        await gone;
        throw agentErrors.AGENT_LAUNCH({ problem: errorText(error) }, error);
      }
    },

    async reattach(checkpoint) {
      const state = checkpoint.bootId === bootId() ? supervisorState(checkpoint) : 'another';
      if (state === 'alive') return track(checkpoint, watch(clock, checkpoint, closed.signal));
      if (readExitStatus(checkpoint.runtimeDir)) {
        const ended = over(clock, checkpoint, false, closed.signal);
        await ended;
        return track(checkpoint, ended);
      }
      if (checkpoint.bootId === bootId()) signalAll(members(checkpoint, false), 'SIGKILL');
      return state === 'dead' ? 'gone' : 'not-mine';
    },

    kill(handle, graceMs) {
      const running = handles.get(handle);
      if (!running) return handle.exited;
      const deadline = clock.monotonic() + graceMs;
      if (running.deadline === undefined && graceMs > 0)
        signalAll(members(running.checkpoint, false), 'SIGTERM');
      if (running.deadline === undefined || deadline < running.deadline) {
        running.deadline = deadline;
        running.escalation?.cancel();
        running.escalation = clock.after(graceMs, () => void killTree(running.checkpoint));
        void running.exited.then(() => running.escalation?.cancel());
      }
      return running.exited;
    },

    close: () => closed.abort(),
  };
}

/** Start the supervisor; it waits for `go`. */
async function fork(spec: LaunchSpec): Promise<ChildProcess> {
  const out = openSync(join(spec.sandbox, 'stdout'), 'a', 0o644);
  const err = openSync(join(spec.sandbox, 'stderr'), 'a', 0o644);
  try {
    const status = join(spec.runtimeDir, STATUS_FILE);
    const child = spawn('/bin/sh', ['-c', SUPERVISOR_SCRIPT, 'rimrock-supervisor', status, ...spec.argv], {
      cwd: spec.sandbox,
      env: { ...spec.environment, [CONTAINER_VARIABLE]: spec.containerId },
      detached: true,
      stdio: ['pipe', out, 'ignore', err],
    });
    child.stdin?.on('error', () => {}); // it may have ended before it read `go`: its exit says so
    await once(child, 'spawn');
    return child;
  } catch (error) {
    throw agentErrors.AGENT_LAUNCH({ problem: errorText(error) }, error);
  } finally {
    closeSync(out);
    closeSync(err);
  }
}

/** The supervisor is gone: end what it left behind, then tell how the task ended. */
async function over(
  clock: Clock,
  checkpoint: LaunchCheckpoint,
  seenAlive: boolean,
  signal: AbortSignal,
): Promise<ExitStatus> {
  for (;;) {
    if (signal.aborted) return never();
    const left = checkpoint.bootId === bootId() ? members(checkpoint, seenAlive) : [];
    if (left.length === 0) break;
    signalAll(left, 'SIGKILL');
    await sleep(clock, REAP_MS, signal);
  }
  return readExitStatus(checkpoint.runtimeDir) ?? { kind: 'unknown' };
}

/** Wait for a supervisor that another agent process started. */
async function watch(clock: Clock, checkpoint: LaunchCheckpoint, signal: AbortSignal): Promise<ExitStatus> {
  while (supervisorState(checkpoint) === 'alive') {
    await sleep(clock, WATCH_MS, signal);
    if (signal.aborted) return never();
  }
  return over(clock, checkpoint, true, signal);
}

/** After `close` nobody listens any more, and what is not known must not be told. */
function never(): Promise<never> {
  return new Promise(() => {});
}
