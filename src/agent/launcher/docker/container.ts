import type { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import type { Clock, Timer } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import type { Logger } from '../../../core/log.ts';
import type { NetworkInfo } from '../../../mesos/index.ts';
import type { ExitStatus, Handle, LaunchCheckpoint, Quantities } from '../launcher.ts';
import type { Changes } from './changes.ts';
import type { Engine } from './engine.ts';
import { statusOf } from './engine.ts';
import { exitOf } from './exit-status.ts';
import { Limiter } from './limiter.ts';
import { limitOfMemory } from './limits.ts';
import { copyLogs } from './logs.ts';
import { addressesOf } from './networks.ts';
import { SANDBOX_INSIDE } from './volumes.ts';

/** What a container needs of its launcher. */
export interface ContainerParts {
  readonly engine: Engine;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts when the launcher is closed. */
  readonly closed: AbortSignal;
}

/** How soon an engine that failed is asked again: at first, and at most. */
const RETRY_MS = 200;
const RETRY_MAX_MS = 5_000;
const LOOK_EVERY_MS = 30_000;
/** The status of what SIGKILL has ended. */
const KILLED = 137;
/** How long the end of a container waits for the last of its output. */
const OUTPUT_MS = 10_000;

/** A container that was started, watched until it ends. While the engine is away nothing is known of it, and nothing assumed. */
export class Container implements Handle {
  readonly checkpoint: LaunchCheckpoint;
  readonly exited: Promise<ExitStatus>;
  readonly #parts: ContainerParts;
  /** Of this watching: aborts when it is over, or the launcher is closed. */
  readonly #watching: AbortSignal;
  readonly #stopWatching = new AbortController();
  readonly #limiter: Limiter;
  #networks: readonly NetworkInfo[] | undefined;
  #deadline: number | undefined;
  /** We have sent SIGKILL. */
  #killed = false;
  #escalation: Timer | undefined;

  /** `found`: what the engine says of it; `created`: what it was created with; both where that is known. */
  constructor(
    parts: ContainerParts,
    checkpoint: LaunchCheckpoint,
    found?: Dockerode.ContainerInspectInfo,
    created?: Quantities,
  ) {
    this.#parts = parts;
    this.checkpoint = checkpoint;
    this.#networks = found && addressesOf(found);
    this.#watching = AbortSignal.any([parts.closed, this.#stopWatching.signal]);
    const { containerId } = checkpoint;
    this.#limiter = new Limiter({ ...parts, id: this.id, containerId, over: this.#watching }, created);
    parts.closed.addEventListener('abort', () => this.#escalation?.cancel(), { once: true });
    this.exited = this.#watch(found).then((status) => {
      this.#escalation?.cancel();
      return status;
    });
  }

  get networks(): readonly NetworkInfo[] | undefined {
    return this.#networks;
  }

  get id(): string {
    return this.checkpoint.engineId ?? '';
  }

  /** See `Launcher.kill`: the image's own signal to end first, SIGKILL at the deadline. */
  kill(graceMs: number): Promise<ExitStatus> {
    const { clock } = this.#parts;
    const deadline = clock.monotonic() + graceMs;
    if (this.#deadline === undefined && graceMs > 0) void this.#signal(undefined);
    if (this.#deadline === undefined || deadline < this.#deadline) {
      this.#deadline = deadline;
      this.#escalation?.cancel();
      if (graceMs <= 0) void this.#signal('SIGKILL');
      else this.#escalation = clock.after(graceMs, () => void this.#signal('SIGKILL'));
    }
    return this.exited;
  }

  /** See `Launcher.limit`. */
  limit(quantities: Quantities): Promise<void> {
    return this.#limiter.hold(quantities);
  }

  /** Until the engine has taken it, or the container is over. */
  async #signal(signal: 'SIGKILL' | undefined): Promise<void> {
    await this.#persist('send a signal to a container', async () => {
      const { engine } = this.#parts;
      try {
        const { Config, State } = await engine.ask('look at a container', (d) =>
          d.getContainer(this.id).inspect(),
        );
        if (!State.Running) return;
        if (signal === 'SIGKILL') this.#killed = true;
        const name = signal ?? (Config as { StopSignal?: string }).StopSignal ?? 'SIGTERM';
        await engine.ask('send a signal to a container', (d) =>
          d.getContainer(this.id).kill({ signal: name }),
        );
      } catch (error) {
        // 404: removed; 409: it does not run any more
        if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error;
      }
    });
  }

  async #watch(found: Dockerode.ContainerInspectInfo | undefined): Promise<ExitStatus> {
    const output = this.#copyOutput(found);
    const ended = await this.#persist('watch a container', () => this.#end());
    await Promise.race([output, sleep(this.#parts.clock, OUTPUT_MS, this.#parts.closed)]);
    this.#stopWatching.abort();
    // a launcher that was closed tells nothing more
    return ended ?? new Promise<never>(() => {});
  }

  /** How the container ended, once it has. */
  async #end(): Promise<ExitStatus> {
    const { engine } = this.#parts;
    for (;;) {
      const events = await this.#ends();
      const looked = new AbortController();
      try {
        const found = await engine.find('look at a container', (d) => d.getContainer(this.id).inspect());
        if (!found) return { kind: 'unknown' };
        this.#networks = addressesOf(found) ?? this.#networks;
        if (!found.State.Running) return exitOf(found, await this.#ranOutOfMemory(found));
        // looked at now and then as well: not every engine tells all of it in order
        await Promise.race([firstOf(events), sleep(this.#parts.clock, LOOK_EVERY_MS, looked.signal)]);
      } finally {
        looked.abort();
        events.destroy();
      }
    }
  }

  /**
   * Whether the kernel has ended it for its memory. An engine hears of that and of the end in two ways; when the end comes first, only an event says it,
   * a moment later.
   */
  async #ranOutOfMemory({ State, HostConfig }: Dockerode.ContainerInspectInfo): Promise<boolean> {
    if (State.OOMKilled) return true;
    if (State.ExitCode !== KILLED || limitOfMemory(HostConfig) === undefined || this.#killed) return false;
    const since = Math.floor(Date.parse(State.StartedAt) / 1000);
    const until = Math.ceil(this.#parts.clock.now() / 1000) + 1;
    const filters = { container: [this.id], event: ['oom'] };
    const { engine } = this.#parts;
    try {
      return await engine.stream('look for what ended a container', async (d) => {
        const events = (await d.getEvents({
          since,
          until,
          filters,
          abortSignal: this.#watching,
        })) as Readable;
        try {
          for await (const _event of events) return true;
          return false;
        } finally {
          events.destroy();
        }
      });
    } catch (error) {
      // an engine that does not know such events has said all that it knows
      if (statusOf(error) === undefined) throw error;
      return false;
    }
  }

  /** Something comes out of it when the container has ended, or the engine. */
  #ends(): Promise<Readable> {
    const filters = { container: [this.id], event: ['die', 'died', 'destroy', 'remove'] };
    return this.#parts.engine.stream('watch a container', async (d) => {
      const events = await d.getEvents({ filters, abortSignal: this.#watching });
      return events as Readable;
    });
  }

  /** All of the output, also what was written while nobody listened. */
  async #copyOutput(first: Dockerode.ContainerInspectInfo | undefined): Promise<void> {
    const { engine, clock } = this.#parts;
    let found = first;
    await this.#persist('copy the output of a container', async () => {
      for (;;) {
        found ??= await engine.find('look at a container', (d) => d.getContainer(this.id).inspect());
        if (!found) return;
        const sandbox = found.Mounts.find((m) => m.Destination === SANDBOX_INSIDE)?.Source ?? '';
        const { runtimeDir } = this.checkpoint;
        const copy = { id: this.id, sandbox, runtimeDir, tty: found.Config.Tty };
        const over = !found.State.Running;
        found = undefined;
        await copyLogs(engine, clock, copy, this.#watching);
        if (over) return; // what followed was all; otherwise the engine may just have been stopped
      }
    });
  }

  /** Repeat what fails until it succeeds or the watching ends; undefined then. */
  async #persist<T>(what: string, f: () => Promise<T>): Promise<T | undefined> {
    const { clock, log } = this.#parts;
    for (let wait = RETRY_MS; !this.#watching.aborted; wait = Math.min(2 * wait, RETRY_MAX_MS)) {
      try {
        return await f();
      } catch (error) {
        if (this.#watching.aborted) return undefined;
        log.warn(
          { containerId: this.checkpoint.containerId, error: errorText(error) },
          `failed to ${what}; trying again`,
        );
        await sleep(clock, wait, this.#watching);
      }
    }
    return undefined;
  }
}

/** Resolves with the first bytes or the end; rejects when it breaks off. */
async function firstOf(stream: Readable): Promise<void> {
  for await (const _chunk of stream) return;
}
