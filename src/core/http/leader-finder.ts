import { sleep } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import type { HttpClient, TlsOptions } from './client.ts';
import { followLockedKey } from './consul-key.ts';
import type { ConsulKey } from './consul-key.ts';
import { systemSockets } from './sockets.ts';
import type { Sockets } from './sockets.ts';

/** Where the servers are of which one leads: all of them, or a key that names the leader. */
export type LeaderPlaces =
  | { readonly kind: 'list'; readonly origins: readonly string[] }
  | { readonly kind: 'consul'; readonly key: ConsulKey };

interface FinderParts {
  readonly places: LeaderPlaces;
  /** Those of the machine, unless the machine is a simulated one. */
  readonly sockets?: Sockets | undefined;
  /** How Consul is spoken to where it is https; as the system does without it. */
  readonly consulTls?: TlsOptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** The origin out of what the key holds. */
  readonly originOf: (value: string) => string | undefined;
  /** Another one leads, as far as the key says; not called for a list. */
  readonly onLeader: (origin: string) => void;
  readonly onProblem: (reason: string) => void;
}

/** Says whom to try. Servers of a list take turns: each of them knows the way to the leader. */
export class LeaderFinder {
  readonly #parts: FinderParts;
  readonly #stop = new AbortController();
  #http: HttpClient | undefined;
  #following: Promise<void> | undefined;
  #turn = 0;
  #leader: string | undefined;
  #wake = new AbortController();

  constructor(parts: FinderParts) {
    this.#parts = parts;
  }

  start(): void {
    const { places } = this.#parts;
    if (places.kind === 'consul') this.#following = this.#follow(places.key);
  }

  /** Undefined while nobody leads, or nobody is known to. */
  next(): string | undefined {
    const { places } = this.#parts;
    if (places.kind === 'consul') return this.#leader;
    return places.origins[this.#turn++ % places.origins.length];
  }

  /** Wait before the next attempt, but not any longer than until another leader is named. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    this.#wake = new AbortController();
    await sleep(this.#parts.clock, ms, AbortSignal.any([signal, this.#wake.signal]));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await this.#http?.close();
  }

  async #follow(key: ConsulKey): Promise<void> {
    const { originOf, onLeader, onProblem, consulTls: tls } = this.#parts;
    const { createClient } = this.#parts.sockets ?? systemSockets;
    this.#http = createClient({ connections: 1, ...(tls && { tls }) });
    for await (const news of followLockedKey(key, { ...this.#parts, http: this.#http }, this.#stop.signal)) {
      if (news.kind === 'problem') {
        onProblem(news.reason);
        continue;
      }
      this.#leader = news.value === undefined ? undefined : originOf(news.value);
      if (this.#leader === undefined) continue;
      onLeader(this.#leader);
      this.#wake.abort();
    }
  }
}
