import { existsSync } from 'node:fs';
import type Dockerode from 'dockerode';
import type { Clock } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import type { RimrockError } from '../../../core/errors.ts';
import { dockerErrors } from './errors.ts';

/** How long an engine may be silent where it is not asked to wait for something. */
const SILENCE_MS = 120_000;
/** The same where an agent that starts waits for it. */
const SOON_MS = 5_000;

/** The Docker Engine API on a unix socket. The package that speaks it is loaded at the first use. */
export class Engine {
  readonly socket: string;
  readonly #clock: Clock;
  #client: Promise<Dockerode> | undefined;

  constructor(socket: string, clock: Clock) {
    this.socket = socket;
    this.#clock = clock;
  }

  /**
   * Ask the engine; throws AGENT_DOCKER_DOWN where it does not answer, AGENT_DOCKER_ENGINE where it refuses. The client says nothing when an
   * answer breaks off in the middle: that counts as no answer, after a while.
   */
  ask<T>(operation: string, f: (docker: Dockerode) => Promise<T>): Promise<T> {
    return this.#within(SILENCE_MS, () => this.stream(operation, f));
  }

  /** As `ask`, with undefined for what the engine does not know (or no longer). */
  async find<T>(operation: string, f: (docker: Dockerode) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.ask(operation, f);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** `f`, but AGENT_DOCKER_DOWN after a few seconds: the engine may answer later, and nobody can wait for it now. */
  soon<T>(f: () => Promise<T>): Promise<T> {
    return this.#within(SOON_MS, f);
  }

  /** As `ask`, for what has its time before it begins: a stream breaks off with an error. */
  async stream<T>(operation: string, f: (docker: Dockerode) => Promise<T>): Promise<T> {
    try {
      // most machines have no engine: they do not load its client either
      if (!existsSync(this.socket)) throw new Error('there is no such file');
      return await f(await this.#load());
    } catch (error) {
      throw this.#said(operation, error);
    }
  }

  async #within<T>(ms: number, f: () => Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const problem = `it is silent for ${ms / 1000} s`;
    const timer = this.#clock.after(ms, () =>
      late.reject(dockerErrors.AGENT_DOCKER_DOWN({ socket: this.socket, problem })),
    );
    const asked = f();
    asked.catch(() => {}); // when it fails later on
    try {
      return await Promise.race([asked, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  #said(operation: string, error: unknown): RimrockError {
    const status = (error as { statusCode?: number }).statusCode;
    if (status === undefined)
      return dockerErrors.AGENT_DOCKER_DOWN({ socket: this.socket, problem: errorText(error) }, error);
    return dockerErrors.AGENT_DOCKER_ENGINE({ operation, problem: saidBy(error), status }, error);
  }

  #load(): Promise<Dockerode> {
    this.#client ??= import('dockerode').then(
      ({ default: Docker }) => new Docker({ socketPath: this.socket }),
    );
    return this.#client;
  }
}

/** The HTTP status with which the engine refused; undefined when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return ((error as RimrockError).details as { status?: number } | undefined)?.status;
}

/** Whether nobody answered, which says nothing about what was asked. */
export function isDown(error: unknown): boolean {
  return (error as RimrockError).code === 'AGENT_DOCKER_DOWN';
}

/** The engine's own words in what `Engine` has thrown. */
export function problemOf(error: unknown): string {
  return (error as { details?: { problem?: string } }).details?.problem ?? errorText(error);
}

/** The same in what its client throws, which wraps them. */
function saidBy(error: unknown): string {
  const { json } = error as { json?: { message?: string } };
  return (
    json?.message ??
    errorText(error)
      .replace(/^\(HTTP code \d+\) .*? - /, '')
      .trim()
  );
}
