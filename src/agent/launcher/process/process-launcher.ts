import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import { agentErrors } from '../../errors.ts';
import { CONTAINER_VARIABLE } from '../launcher.ts';
import type { ExitStatus, Handle, Launcher, LaunchCheckpoint, LaunchSpec } from '../launcher.ts';
import { Census } from './census.ts';
import { containersBelow } from './forgotten.ts';
import { members, signalAll, supervisorState } from './members.ts';
import { bootId, processStat } from './proc.ts';
import { readExitStatus, STATUS_FILE, SUPERVISOR_NAME, SUPERVISOR_SCRIPT } from './supervisor.ts';
import { killTree, over, terminate, watch } from './tree.ts';

interface Running extends Handle {
  deadline: number | undefined;
  escalation: Timer | undefined;
}

/** Tasks as processes of their own session under a supervising shell. Linux: identity comes from /proc. */
export function createProcessLauncher(parts: { readonly clock: Clock }): Launcher {
  const { clock } = parts;
  const closed = new AbortController();
  const tree = { clock, census: new Census(clock, closed.signal), signal: closed.signal };
  const handles = new WeakMap<Handle, Running>();

  const track = (checkpoint: LaunchCheckpoint, exited: Promise<ExitStatus>): Handle => {
    const running: Running = { checkpoint, exited, deadline: undefined, escalation: undefined };
    handles.set(running, running);
    return running;
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
          gone.then(() => over(tree, checkpoint, true)),
        );
      } catch (error) {
        child.stdin?.destroy();
        await gone;
        throw agentErrors.AGENT_LAUNCH({ problem: errorText(error) }, error);
      }
    },

    async reattach(checkpoint) {
      const state = checkpoint.bootId === bootId() ? supervisorState(checkpoint) : 'another';
      if (state === 'alive') return track(checkpoint, watch(tree, checkpoint));
      if (readExitStatus(checkpoint.runtimeDir)) {
        const ended = over(tree, checkpoint, false);
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
      if (running.deadline === undefined && graceMs > 0) void terminate(tree, running.checkpoint);
      if (running.deadline === undefined || deadline < running.deadline) {
        running.deadline = deadline;
        running.escalation?.cancel();
        const escalation = clock.after(graceMs, () => void killTree(tree, running.checkpoint));
        running.escalation = escalation;
        closed.signal.addEventListener('abort', () => escalation.cancel(), { once: true });
        void running.exited.then(() => escalation.cancel());
      }
      return running.exited;
    },

    async endForgotten(root, known) {
      const forgotten = containersBelow(root).filter((c) => !known.has(c.containerId));
      await Promise.all(forgotten.map((c) => killTree(tree, c)));
      return forgotten.map((c) => c.containerId);
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
    const child = spawn('/bin/sh', ['-c', SUPERVISOR_SCRIPT, SUPERVISOR_NAME, status, ...spec.argv], {
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
