import { NO_PREDECESSOR } from '../../../core/predecessor.ts';
import type { Predecessor } from '../../../core/predecessor.ts';
import type { Logger } from '../../../core/log.ts';
import type { RimrockConfig } from '../../config/schema.ts';
import type { Role } from '../../roles.ts';
import type { World } from '../../world.ts';
import type { Part } from '../part.ts';
import { removePid, writePid } from './pid-file.ts';
import { meetPredecessor } from './predecessor.ts';
import type { Met } from './predecessor.ts';
import { Successors } from './successor.ts';

interface SuccessionParts {
  readonly role: Role;
  readonly config: RimrockConfig;
  readonly world: World;
  readonly log: Logger;
  /** This process is to end. */
  readonly stop: AbortSignal;
}

/**
 * One process in the row of those that serve at the same sockets: it takes over from the one before it, and on request hands over to
 * the one after it. Whoever supervises is told which one it is.
 */
export class Succession {
  readonly #parts: SuccessionParts;
  readonly #met: Met | undefined;
  readonly #takenOver = new AbortController();
  #successors: Successors | undefined;

  private constructor(parts: SuccessionParts, met: Met | undefined) {
    this.#parts = parts;
    this.#met = met;
  }

  static async enter(parts: SuccessionParts): Promise<Succession> {
    const { world, role, log } = parts;
    if (!world.machine || !handsOver(role)) return new Succession(parts, undefined);
    const { clock, environment, machine } = world;
    return new Succession(
      parts,
      await meetPredecessor({ machine, environment, clock, log, stop: parts.stop }),
    );
  }

  get predecessor(): Predecessor {
    return this.#met ?? NO_PREDECESSOR;
  }

  /** Aborted while the process before us serves no more, or there was none: then people want to know soon how it goes. */
  get alone(): AbortSignal {
    return this.#met?.gone ?? AbortSignal.abort();
  }

  /** Aborted when another process serves instead of this one. */
  get takenOver(): AbortSignal {
    return this.#takenOver.signal;
  }

  /** From now on requests to hand over are followed, as soon as all parts have started. */
  follow(parts: readonly Part[], started: Promise<void>): void {
    const { world, role, config, log, stop } = this.#parts;
    const { machine, clock, environment } = world;
    world.onUpgradeRequest(() => {
      if (!handsOver(role) || !machine)
        return log.error(`SIGUSR2: ${role.name} cannot hand over to a new process; only edge can, on Linux`);
      this.#successors ??= new Successors({
        machine,
        environment,
        parts,
        readyMs: config.upgrade.readyMs,
        clock,
        log,
        onTakenOver: (pid) => void this.#onTakenOver(pid, parts),
      });
      const successors = this.#successors;
      // A start that fails ends the process, and says why.
      void started.then(
        () => void (stop.aborted || successors.request()),
        () => {},
      );
    });
    stop.addEventListener('abort', () => this.#successors?.cancel(), { once: true });
  }

  async #onTakenOver(pid: number | undefined, parts: readonly Part[]): Promise<void> {
    for (const { component } of parts) component.handOver?.();
    await this.#notify(`MAINPID=${pid}`);
    this.#takenOver.abort();
  }

  /** It serves, or nearly so: `missing` says what does not hold yet. */
  async started(missing: readonly string[]): Promise<void> {
    const { pidFile } = this.#parts.config.upgrade;
    const { machine } = this.#parts.world;
    if (machine && pidFile !== undefined)
      await writePid(pidFile, machine.pid).catch((error: unknown) => this.#warn(error));
    // Where another process serves until now it is the one that systemd listens to, and which tells of us.
    if (this.alone.aborted) await this.#notify('READY=1');
    if (missing.length === 0) this.#met?.ready();
  }

  /** Before it stops. */
  async ending(): Promise<void> {
    if (!this.takenOver.aborted) await this.#notify('STOPPING=1');
  }

  async ended(): Promise<void> {
    const { pidFile } = this.#parts.config.upgrade;
    const { machine } = this.#parts.world;
    if (machine && pidFile !== undefined) await removePid(pidFile, machine.pid);
  }

  /** To systemd, where it wants to know (sd_notify(3)). */
  async #notify(text: string): Promise<void> {
    const path = this.#parts.world.environment['NOTIFY_SOCKET'];
    if (path === undefined || path === '') return;
    const { sendToPath } = await import('../../../net/index.ts');
    await sendToPath(path, text).catch((error: unknown) => this.#warn(error));
  }

  #warn(error: unknown): void {
    this.#parts.log.warn({ error }, 'whoever supervises this process could not be told of it');
  }
}

/** Tasks, agents and stores have one owner at a time; an edge only answers. */
const handsOver = ({ name }: Role): boolean => name === 'edge';
