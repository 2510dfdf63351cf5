import type Dockerode from 'dockerode';
import type { Clock } from '../../../../core/clock.ts';
import { sleep } from '../../../../core/clock.ts';
import { dockerErrors } from '../errors.ts';
import type { Engine } from '../engine.ts';
import { statusOf } from '../engine.ts';

/** An engine with one container that runs, as far as limits go. */
export class FakeEngine implements Pick<Engine, 'ask' | 'find' | 'soon' | 'socket'> {
  readonly socket = '/run/fake.sock';
  /** What was changed, in turn; refused changes too. */
  readonly changes: Dockerode.HostConfig[] = [];
  /** How often it was asked for anything. */
  asked = 0;
  /** Whether it is away. */
  away = false;
  /** Whether it has such changes at all. */
  able = true;
  /** What it says instead of changing anything. */
  refusal: string | undefined;
  /** A change takes as long as this. */
  busy: Promise<void> | undefined;
  running = true;
  /** Memory of the container: with what the kernel keeps of files, which it can give up, and of that alone. */
  usage = 0;
  files = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async ask<T>(operation: string, f: (docker: Dockerode) => Promise<T>): Promise<T> {
    this.asked++;
    if (this.away) throw dockerErrors.AGENT_DOCKER_DOWN({ socket: this.socket, problem: 'no such file' });
    const refuse = (problem: string, status: number): Error =>
      dockerErrors.AGENT_DOCKER_ENGINE({ operation, problem, status });
    const container = (id: string): object => ({
      inspect: async () => ({ State: { Running: this.running } }),
      stats: async () => ({ memory_stats: { usage: this.usage, stats: { inactive_file: this.files } } }),
      update: async (told: Dockerode.HostConfig) => {
        if (!this.able) throw refuse('Not Found', 404);
        if (Object.keys(told).length === 0) throw refuse('EOF', 500);
        if (id !== 'id-1') throw refuse(`No such container: ${id}`, 404);
        this.changes.push(told);
        await this.busy;
        if (this.refusal !== undefined) throw refuse(this.refusal, 500);
      },
    });
    return f({ getContainer: container } as unknown as Dockerode);
  }

  async find<T>(operation: string, f: (docker: Dockerode) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.ask(operation, f);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async soon<T>(f: () => Promise<T>): Promise<T> {
    const over = new AbortController();
    const late = sleep(this.#clock, 5_000, over.signal).then(() => {
      throw dockerErrors.AGENT_DOCKER_DOWN({ socket: this.socket, problem: 'it is silent' });
    });
    late.catch(() => {});
    try {
      return await Promise.race([f(), late]);
    } finally {
      over.abort();
    }
  }
}
