import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import { agentErrors } from '../../errors.ts';
import type { Groups } from '../cgroup/index.ts';
import { CONTAINER_VARIABLE } from '../launcher.ts';
import type {
  ExecSpec,
  ExitStatus,
  Handle,
  Launcher,
  LaunchCheckpoint,
  LaunchSpec,
  Quantities,
  Usage,
} from '../launcher.ts';
import { Census } from './census.ts';
import { execBeside } from './exec.ts';
import { endForgotten } from './forgotten.ts';
import { commandOf, signalAll, supervisorState } from './members.ts';
import { mountWords } from './mounts.ts';
import { prepare } from './prepare.ts';
import type { ProcessTable } from './process-table.ts';
import { createProcessTable } from './system-table.ts';
import { STATUS_FILE, SUPERVISOR_NAME, SUPERVISOR_SCRIPT } from './supervisor.ts';
import { killTree, over, removeGroup, terminate, watch } from './tree.ts';
import type { TreeParts } from './tree.ts';
import { containerUsage } from './usage.ts';
import { giveSandbox } from './users.ts';

/** How often running containers are asked whether the kernel has ended one of their processes for its memory. */
const LIMIT_CHECK_MS = 500;

interface Running extends Handle {
  deadline: number | undefined;
  escalation: Timer | undefined;
  /** What it is to be held to as soon as it uses no more than that. */
  lower: Quantities | undefined;
  /** From here on it is killed: SIGTERM comes too late. */
  readonly ending: AbortController;
}

export interface ProcessLauncherParts {
  readonly clock: Clock;
  /** Default: what this system has. */
  readonly table?: ProcessTable;
  /** With it each container is in a group of its own, with its limits; the supervisor is the same. */
  readonly groups?: Groups | undefined;
  /** Processes and threads of a container with limits that says nothing of them; needs groups. */
  readonly maxPids?: number | undefined;
}

/** Tasks as processes of their own session under a supervising shell. */
export function createProcessLauncher(parts: ProcessLauncherParts): Launcher {
  return new ProcessLauncher(parts);
}

class ProcessLauncher implements Launcher {
  readonly #clock: Clock;
  readonly #table: ProcessTable;
  readonly #groups: Groups | undefined;
  readonly #maxPids: number | undefined;
  readonly #closed = new AbortController();
  readonly #tree: TreeParts;
  readonly #running = new Map<Handle, Running>();
  readonly #limits: Timer | undefined;

  constructor({ clock, groups, maxPids, table = createProcessTable(clock) }: ProcessLauncherParts) {
    const { signal } = this.#closed;
    this.#clock = clock;
    this.#table = table;
    this.#groups = groups;
    this.#maxPids = maxPids;
    this.#tree = { clock, census: new Census(table, clock, signal), groups, signal };
    this.#limits = groups && clock.every(LIMIT_CHECK_MS, () => this.#checkLimits(groups));
  }

  async launch(spec: LaunchSpec, commit: (checkpoint: LaunchCheckpoint) => Promise<void>): Promise<Handle> {
    const child = await fork(spec);
    const gone = once(child, 'exit');
    try {
      const supervisor = identify(this.#table, spec, child.pid ?? 0);
      const shared = spec.inGroupOf !== undefined && this.#groups?.exists(spec.inGroupOf) === true;
      if (!shared) this.#groups?.create(spec.containerId, spec.quantities && this.#whole(spec.quantities));
      this.#groups?.add(shared ? (spec.inGroupOf ?? '') : spec.containerId, supervisor.pid);
      const group = shared ? undefined : this.#groups?.unified(spec.containerId);
      const checkpoint = group ? { ...supervisor, group } : supervisor;
      await commit(checkpoint);
      child.stdin?.end('go\n');
      child.unref();
      return this.#track(
        checkpoint,
        gone.then(() => over(this.#tree, checkpoint, true)),
      );
    } catch (error) {
      child.stdin?.destroy();
      await gone;
      await removeGroup(this.#tree, spec.containerId);
      throw agentErrors.AGENT_LAUNCH({ problem: errorText(error) }, error);
    }
  }

  async reattach(checkpoint: LaunchCheckpoint): Promise<Handle | 'gone' | 'not-mine'> {
    const [table, tree] = [this.#table, this.#tree];
    // an agent that died while it killed has left its processes held
    this.#groups?.freeze(checkpoint.containerId, false);
    const sameBoot = checkpoint.bootId === table.bootId();
    const state = sameBoot ? supervisorState(table, checkpoint) : 'another';
    if (state === 'alive') return this.#track(checkpoint, watch(tree, checkpoint));
    const status = await over(tree, checkpoint, false);
    if (status.kind !== 'unknown') return this.#track(checkpoint, Promise.resolve(status));
    return state === 'dead' ? 'gone' : 'not-mine';
  }

  kill(handle: Handle, graceMs: number): Promise<ExitStatus> {
    const at = this.#running.get(handle);
    if (!at) return handle.exited;
    const deadline = this.#clock.monotonic() + graceMs;
    if (at.deadline === undefined && graceMs > 0) void terminate(this.#tree, at.checkpoint, at.ending.signal);
    if (at.deadline === undefined || deadline < at.deadline) {
      at.deadline = deadline;
      at.escalation?.cancel();
      const end = (): void => {
        at.ending.abort();
        void killTree(this.#tree, at.checkpoint);
      };
      if (graceMs > 0) at.escalation = this.#clock.after(graceMs, end);
      else end();
    }
    return at.exited;
  }

  async signal(handle: Handle, signal: number): Promise<void> {
    const command = this.#running.has(handle) && commandOf(this.#table, handle.checkpoint);
    if (command) signalAll([command.pid], signal);
  }

  async limit(handle: Handle, quantities: Quantities): Promise<void> {
    const at = this.#running.get(handle);
    if (at && this.#groups) this.#hold(this.#groups, at, this.#whole(quantities));
  }

  endForgotten(root: string, known: ReadonlySet<string>): Promise<string[]> {
    return endForgotten(this.#tree, root, known);
  }

  async usage(handle: Handle): Promise<Usage | undefined> {
    return this.#running.has(handle) ? containerUsage(this.#tree, handle.checkpoint) : undefined;
  }

  exec(handle: Handle, command: ExecSpec, signal: AbortSignal): Promise<number> {
    return execBeside(this.#tree, handle.checkpoint, command, signal);
  }

  close(): void {
    this.#closed.abort();
    this.#limits?.cancel();
    for (const handle of this.#running.values()) handle.escalation?.cancel();
    this.#groups?.close();
  }

  #track(checkpoint: LaunchCheckpoint, exited: Promise<ExitStatus>): Handle {
    const ending = new AbortController();
    const handle: Running = {
      checkpoint,
      exited,
      deadline: undefined,
      escalation: undefined,
      lower: undefined,
      ending,
    };
    this.#running.set(handle, handle);
    void exited.then(() => {
      handle.escalation?.cancel();
      this.#running.delete(handle);
    });
    return handle;
  }

  #whole(quantities: Quantities): Quantities {
    return { pids: this.#maxPids, ...quantities };
  }

  #hold(groups: Groups, handle: Running, quantities: Quantities): void {
    handle.lower = groups.limit(handle.checkpoint.containerId, quantities) ? undefined : quantities;
  }

  /** The kernel ends one process of a container that goes over its memory; the rest would go on without it. */
  #checkLimits(groups: Groups): void {
    for (const handle of this.#running.values()) {
      const { checkpoint, ending, lower } = handle;
      if (lower) this.#hold(groups, handle, lower);
      if (groups.oomKills(checkpoint.containerId) === 0) continue;
      if (!ending.signal.aborted) void killTree(this.#tree, checkpoint);
      ending.abort();
    }
  }
}

function identify(table: ProcessTable, spec: LaunchSpec, pid: number): LaunchCheckpoint {
  const startTime = table.stat(pid)?.startTime;
  if (startTime === undefined) throw new Error('the supervisor ended at once');
  return {
    containerId: spec.containerId,
    runtimeDir: spec.runtimeDir,
    pid,
    startTime,
    bootId: table.bootId(),
    ...(spec.user === undefined ? {} : { user: spec.user }),
    ...(hasMounts(spec) ? { mounts: true } : {}),
  };
}

/** Start the supervisor; it waits for `go`. */
async function fork(spec: LaunchSpec): Promise<ChildProcess> {
  let files: number[] = [];
  try {
    const { words, environment, user } = await prepare(spec, hasMounts(spec));
    files = ['stdout', 'stderr'].map((name) => openSync(join(spec.sandbox, name), 'a', 0o644));
    if (user) await giveSandbox(spec.sandbox, user);
    const [out, err] = files;
    const first = await mountWords(spec, user); // after the sandbox has become the user's
    const status = join(spec.runtimeDir, STATUS_FILE);
    const child = spawn('/bin/sh', ['-c', SUPERVISOR_SCRIPT, SUPERVISOR_NAME, status, ...first, ...words], {
      cwd: spec.sandbox,
      env: { ...environment, [CONTAINER_VARIABLE]: spec.containerId },
      detached: true,
      stdio: ['pipe', out, 'ignore', err],
    });
    child.stdin?.on('error', () => {}); // it may have ended before it read `go`: its exit says so
    await once(child, 'spawn');
    return child;
  } catch (error) {
    throw agentErrors.AGENT_LAUNCH({ problem: errorText(error) }, error);
  } finally {
    for (const file of files) closeSync(file);
  }
}

const hasMounts = ({ mounts }: LaunchSpec): boolean => mounts !== undefined && mounts.length > 0;
