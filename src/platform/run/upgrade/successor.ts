import type { Clock, Timer } from '../../../core/clock.ts';
import type { Component } from '../../../core/lifecycle.ts';
import type { Logger } from '../../../core/log.ts';
import type { World } from '../../world.ts';
import type { NewProcess, UpgradeMachine } from './machine.ts';
import { ownEnvironment, READY, SOCKETS_VARIABLE } from './predecessor.ts';

/** One that was told to end and has not done so by then is ended. */
const END_WITHIN_MS = 15_000;

/** What is handed over: parts with what they leave to those of the same name, and their ports. */
interface HandingOver {
  readonly name: string;
  readonly component: Pick<Component, 'stateForSuccessor' | 'udpPortsForSuccessor'>;
  ports(): Readonly<Record<string, number>>;
}

export interface SuccessorsParts {
  readonly machine: UpgradeMachine;
  readonly environment: World['environment'];
  readonly parts: readonly HandingOver[];
  readonly readyMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** The process of this number serves from now on; this one is to end. */
  readonly onTakenOver: (pid: number | undefined) => void;
}

/**
 * Has a new process of this program take over: it gets the sockets, and nothing changes here until it says that it is ready. If it
 * fails, or takes too long, this process goes on as if nothing had been.
 */
export class Successors {
  readonly #parts: SuccessorsParts;
  #candidate: NewProcess | 'starting' | undefined;
  #timer: Timer | undefined;
  /** The candidate was told to end. */
  #givenUp = false;
  #taken = false;

  constructor(parts: SuccessorsParts) {
    this.#parts = parts;
  }

  /** Never rejects: what goes wrong is logged. */
  async request(): Promise<void> {
    const { machine, log } = this.#parts;
    if (this.#taken || this.#candidate !== undefined) return log.warn('an upgrade is under way already');
    if (machine.pid === 1)
      return log.error(
        'this is the first process of a container, which ends with it: replace the container instead of upgrading',
      );
    this.#candidate = 'starting';
    try {
      this.#watch(await this.#start());
    } catch (error) {
      this.#candidate = undefined;
      log.error({ error }, 'the upgrade has failed, no new process could be started; this one goes on');
    }
  }

  /** This process ends by itself: who was to take over has nobody to take over from. */
  cancel(): void {
    if (!this.#taken && typeof this.#candidate === 'object') this.#giveUp(this.#candidate);
  }

  async #start(): Promise<NewProcess> {
    const { machine, environment, parts, log } = this.#parts;
    const ports = new Set(
      parts.flatMap((part) => [
        ...Object.values(part.ports()),
        ...(part.component.udpPortsForSuccessor?.() ?? []),
      ]),
    );
    const bound = await machine.boundSockets();
    // UDP is also what questions to other resolvers leave by.
    const sockets = bound.filter(({ protocol, port }) => protocol === 'tcp' || ports.has(port));
    const started = machine.start(
      sockets.map(({ descriptor }) => descriptor),
      { ...ownEnvironment(environment), [SOCKETS_VARIABLE]: String(sockets.length) },
    );
    const states = parts.map(({ name, component }) => [name, component.stateForSuccessor?.()]);
    started.link.send(JSON.stringify(Object.fromEntries(states)));
    log.info({ pid: started.pid, sockets: sockets.length }, 'upgrade: a new process has been started');
    return started;
  }

  #watch(candidate: NewProcess): void {
    const { clock, log, readyMs } = this.#parts;
    const { pid } = candidate;
    this.#candidate = candidate;
    this.#givenUp = false;
    candidate.onEnd((reason) => {
      if (this.#candidate !== candidate) return;
      this.#candidate = undefined;
      this.#timer?.cancel();
      if (!this.#taken) log.error({ pid, reason }, 'the upgrade has failed; this process goes on');
    });
    candidate.link.onLine((line) => {
      const waited = this.#candidate === candidate && !this.#givenUp && !this.#taken;
      if (line === READY && waited) this.#handOver(pid);
    });
    this.#timer = clock.after(readyMs, () => {
      log.error({ pid, readyMs }, 'upgrade: the new process is not ready in time and is ended');
      this.#giveUp(candidate);
    });
  }

  #giveUp(candidate: NewProcess): void {
    const { clock } = this.#parts;
    this.#givenUp = true;
    this.#timer?.cancel();
    candidate.signal('SIGTERM');
    this.#timer = clock.after(END_WITHIN_MS, () => candidate.signal('SIGKILL'));
  }

  #handOver(pid: number | undefined): void {
    this.#taken = true;
    this.#timer?.cancel();
    this.#parts.log.info({ pid }, 'upgrade: the new process serves; this one drains and ends');
    this.#parts.onTakenOver(pid);
  }
}
