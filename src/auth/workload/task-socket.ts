import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { OneTask } from './one-task.ts';
import type { SocketPlace } from './socket-folder.ts';
import type { SocketOwner, SocketServer } from './socket-server.ts';
import type { TaskAuthority } from './task-authority.ts';

interface TaskSocketParts {
  readonly authority: TaskAuthority;
  readonly openSocket: (place: SocketPlace, owner: SocketOwner) => Promise<SocketServer>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The Workload API of one task, or of all tasks that a program runs, while they run. */
export class TaskSocket implements SocketOwner {
  readonly #parts: TaskSocketParts;
  readonly #place: SocketPlace;
  readonly #tasks = new Map<OneTask, Unsubscribe>();
  readonly #changes: Subscribers<void>;
  readonly #jwksListeners: Subscribers<void>;
  #unfollow: Unsubscribe = () => {};
  #server: Promise<SocketServer> | undefined;
  jwks: string | undefined;

  constructor(parts: TaskSocketParts, place: SocketPlace) {
    this.#parts = parts;
    this.#place = place;
    const failed = (error: unknown): void =>
      parts.log.error({ error }, 'a stream of the Workload API failed');
    this.#changes = new Subscribers(failed);
    this.#jwksListeners = new Subscribers(failed);
  }

  /** Rejects with the system's error. */
  async open(): Promise<void> {
    const { authority, openSocket } = this.#parts;
    this.#unfollow = authority.follow(({ jwks }) => {
      if (jwks === this.jwks) return;
      this.jwks = jwks;
      this.#jwksListeners.emit();
    });
    this.#server = openSocket(this.#place, this);
    await this.#server;
  }

  /** What its users are told. */
  get environment(): Record<string, string> {
    return { SPIFFE_ENDPOINT_SOCKET: `unix://${this.#place.path}` };
  }

  get held(): readonly OneTask[] {
    return [...this.#tasks.keys()];
  }

  add(task: OneTask): void {
    this.#tasks.set(
      task,
      task.source.onChange(() => this.#changes.emit()),
    );
    if (task.source.current) this.#changes.emit(); // one that an earlier process had
  }

  remove(task: OneTask): void {
    this.#tasks.get(task)?.();
    if (this.#tasks.delete(task)) this.#changes.emit();
  }

  onChange(listener: () => void): Unsubscribe {
    return this.#changes.add(listener);
  }

  onJwks(listener: () => void): Unsubscribe {
    return this.#jwksListeners.add(listener);
  }

  now(): number {
    return this.#parts.clock.now();
  }

  /** It is gone; harmless when it has never been open. */
  async close(): Promise<void> {
    this.#unfollow();
    const server = await this.#server?.catch(() => undefined); // who opened it has heard
    await server?.close();
  }
}
