import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import type { LaunchSpec } from '../launcher.ts';
import { loginFor } from './credentials.ts';
import type { RegistryLogin } from './credentials.ts';
import { isDown, problemOf } from './engine.ts';
import type { Engine } from './engine.ts';
import { dockerErrors } from './errors.ts';
import { PullProgress } from './pull-progress.ts';

type Tell = (line: string) => void;

/** A download under way, which ends when nobody waits for it any more. */
interface Pull {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  readonly listeners: Set<Tell>;
}

/** Images on this machine. One that several launches need at a time is pulled once. */
export class Images {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #credentials: string | undefined;
  readonly #pulls = new Map<string, Pull>();

  constructor(engine: Engine, clock: Clock, credentials: string | undefined) {
    this.#engine = engine;
    this.#clock = clock;
    this.#credentials = credentials;
  }

  /**
   * Have the image of `spec` at hand; the lines of its download go to the sandbox's stderr and to `spec.progress`. Throws
   * AGENT_DOCKER_PULL where it cannot be had, the reason of `spec.signal` when that aborts.
   */
  async provide(spec: LaunchSpec): Promise<void> {
    const { image = '', force_pull_image = false } = spec.container?.docker ?? {};
    const name = withTag(image);
    if (!force_pull_image) {
      const there = await this.#engine.find('look at an image', (docker) => docker.getImage(name).inspect());
      if (there) return;
    }
    const login = await loginFor(name, spec.sandbox, this.#credentials);
    spec.signal?.throwIfAborted();
    let written = Promise.resolve();
    const tell = (line: string): void => {
      spec.progress?.(line);
      written = written.then(() => appendFile(join(spec.sandbox, 'stderr'), `${line}\n`)).catch(() => {});
    };
    tell(`Pulling image ${name}`);
    try {
      await this.#join(name, login, tell, spec.signal);
    } finally {
      await written;
    }
  }

  async #join(
    name: string,
    login: RegistryLogin | undefined,
    tell: Tell,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const key = JSON.stringify([name, login]);
    const pull = this.#pulls.get(key) ?? this.#start(key, name, login);
    pull.listeners.add(tell);
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(signal?.reason as Error);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      await Promise.race([pull.done, left.promise]);
    } finally {
      signal?.removeEventListener('abort', leave);
      pull.listeners.delete(tell);
      if (pull.listeners.size === 0) {
        // who comes from now on starts anew: this one may be on its way out
        if (this.#pulls.get(key) === pull) this.#pulls.delete(key);
        pull.abort.abort();
      }
    }
  }

  #start(key: string, name: string, login: RegistryLogin | undefined): Pull {
    const abort = new AbortController();
    const listeners = new Set<Tell>();
    const tell = (line: string): void => {
      for (const listener of listeners) listener(line);
    };
    const done = this.#pull(name, login, tell, abort.signal);
    done.catch(() => {}); // every waiter hears of it, also when the last one has gone
    const pull: Pull = { done, abort, listeners };
    this.#pulls.set(key, pull);
    return pull;
  }

  async #pull(
    name: string,
    login: RegistryLogin | undefined,
    tell: Tell,
    signal: AbortSignal,
  ): Promise<void> {
    const refuse = (problem: string, cause: unknown): Error =>
      dockerErrors.AGENT_DOCKER_PULL({ image: name, problem }, cause);
    let stream: NodeJS.ReadableStream;
    try {
      stream = await this.#engine.stream('pull an image', (docker) =>
        docker.createImage(login ?? {}, { fromImage: name, abortSignal: signal }),
      );
    } catch (error) {
      throw isDown(error) ? error : refuse(problemOf(error), error);
    }
    const progress = new PullProgress(this.#clock, tell);
    try {
      for await (const chunk of stream) progress.take(chunk as Buffer);
    } catch (error) {
      throw refuse(errorText(error), error);
    }
    if (progress.problem !== undefined) throw refuse(progress.problem, undefined);
  }
}

/** Without a tag the engine would pull every tag there is. */
export function withTag(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') || image.includes('@') ? image : `${image}:latest`;
}
