import type { SimProcess } from './process.ts';
import type { World } from './world.ts';
import { Connection } from './connection.ts';
import type { SimApi } from './server.ts';

/** What the network does to everybody, besides partitions. */
export interface Weather {
  /** One way, milliseconds. */
  minDelayMs: number;
  maxDelayMs: number;
  /** Chance that a call gets through and its answer, or the call itself, does not. */
  loss: number;
  /** Chance that a call arrives twice (a proxy on the way that tries again). */
  duplicates: number;
}

export interface Listener {
  readonly process: SimProcess;
  readonly api: SimApi;
  /** Whether it may answer just now; always without it. */
  readonly mayAnswer?: (() => boolean) | undefined;
}

/** Hosts, what listens on them, and what is between them. */
export class Network {
  readonly world: World;
  readonly weather: Weather = { minDelayMs: 1, maxDelayMs: 20, loss: 0, duplicates: 0 };
  readonly #listeners = new Map<string, Listener>();
  readonly #connections = new Set<Connection>();
  /** `from>to` for each direction in which nothing gets through, with how many faults want it so. */
  readonly #blocked = new Map<string, number>();
  readonly #down = new Set<string>();
  /** Names of hosts, by IP. */
  readonly #names = new Map<string, string>();

  constructor(world: World) {
    this.world = world;
  }

  /** `host` is also reached at `ip`. */
  name(ip: string, host: string): void {
    this.#names.set(ip, host);
  }

  /** `host:port` of what a URL names. */
  resolve(url: URL): string {
    return `${this.#names.get(url.hostname) ?? url.hostname}:${url.port}`;
  }

  listen(address: string, listener: Listener): void {
    this.#listeners.set(address, listener);
    listener.process.atDeath(() => {
      if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
    });
  }

  listenerAt(address: string): Listener | undefined {
    const listener = this.#listeners.get(address);
    return listener?.api.closed ? undefined : listener;
  }

  /** One way; on one machine it takes no time worth mentioning. */
  delay(from: string, to: string): number {
    if (from === to) return this.world.between(0, 1);
    return this.world.between(this.weather.minDelayMs, this.weather.maxDelayMs);
  }

  open(client: SimProcess, listener: Listener): Connection {
    const connection = new Connection(this, client, listener.process);
    this.#connections.add(connection);
    return connection;
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }

  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  passes(from: string, to: string): boolean {
    return (
      from === to || (!this.#down.has(to) && !this.#down.has(from) && !this.#blocked.has(`${from}>${to}`))
    );
  }

  isDown(host: string): boolean {
    return this.#down.has(host);
  }

  block(from: string, to: string): void {
    const key = `${from}>${to}`;
    this.#blocked.set(key, (this.#blocked.get(key) ?? 0) + 1);
  }

  unblock(from: string, to: string): void {
    const key = `${from}>${to}`;
    const left = (this.#blocked.get(key) ?? 0) - 1;
    if (left > 0) this.#blocked.set(key, left);
    else this.#blocked.delete(key);
    this.#pump();
  }

  /** The power is gone: nobody is told. */
  powerOff(host: string): void {
    this.#down.add(host);
    for (const c of this.#connections) if (c.touches(host)) c.vanish(host);
  }

  powerOn(host: string): void {
    this.#down.delete(host);
    this.#pump();
  }

  /** As on the first day. */
  heal(): void {
    Object.assign(this.weather, { minDelayMs: 1, maxDelayMs: 20, loss: 0, duplicates: 0 });
    this.#blocked.clear();
    this.#down.clear();
    this.#pump();
  }

  #pump(): void {
    for (const c of this.#connections) c.pump();
  }
}
