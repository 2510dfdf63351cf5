import { ServiceStats } from '../metrics.ts';
import type { PlaneNumbers, PlaneUpdate } from '../plane/messages.ts';
import type { Http2Numbers } from '../plane/http2-numbers.ts';
import { TcpTotals } from '../tcp/index.ts';

const NONE = { connections: 0, streams: 0 };
const NO_HTTP2: Http2Numbers = { clients: NONE, instances: NONE };

/** What all planes have counted, also those that are gone. */
export class Totals {
  readonly ownAnswers = new Map<string, number>();
  readonly handshakes = new Map<string, number>();
  readonly tcp = new TcpTotals();
  readonly #services = new Map<string, ServiceStats>();
  /** Requests that wait, by service, of each plane. */
  readonly #waiting = new Map<number, Map<string, number>>();
  readonly #connections: number[] = [];
  readonly #http2: Http2Numbers[] = [];

  /** Numbers are kept of backends that exist. */
  follow({ gone, set }: PlaneUpdate['backends']): void {
    for (const key of gone) {
      this.#services.delete(key);
      for (const waiting of this.#waiting.values()) waiting.delete(key);
    }
    this.tcp.forget(gone);
    for (const { key } of set) if (!this.#services.has(key)) this.#services.set(key, new ServiceStats());
  }

  add(plane: number, numbers: PlaneNumbers): void {
    this.#connections[plane] = numbers.connections;
    this.#http2[plane] = numbers.http2;
    for (const [reason, count] of numbers.ownAnswers)
      this.ownAnswers.set(reason, (this.ownAnswers.get(reason) ?? 0) + count);
    for (const [outcome, count] of numbers.handshakes)
      this.handshakes.set(outcome, (this.handshakes.get(outcome) ?? 0) + count);
    this.tcp.add(plane, numbers.tcp);
    for (const [key, counted] of numbers.services) this.#services.get(key)?.add(counted);
    this.#wait(plane, numbers.services);
  }

  #wait(plane: number, services: PlaneNumbers['services']): void {
    const here = this.#waiting.get(plane) ?? new Map<string, number>();
    this.#waiting.set(plane, here);
    for (const [key, { waiting, mostWaiting }] of services) {
      if (waiting > 0) here.set(key, waiting);
      else here.delete(key);
      const stats = this.#services.get(key);
      if (stats === undefined) continue;
      stats.waiting = this.#waitingFor(key);
      stats.mostWaiting = Math.max(stats.mostWaiting, stats.waiting - waiting + mostWaiting);
    }
  }

  #waitingFor(key: string): number {
    let sum = 0;
    for (const plane of this.#waiting.values()) sum += plane.get(key) ?? 0;
    return sum;
  }

  /** A plane is gone, and its connections with it. */
  gone(plane: number): void {
    this.#connections[plane] = 0;
    this.#http2[plane] = NO_HTTP2;
    this.tcp.gone(plane);
    const waited = this.#waiting.get(plane)?.keys() ?? [];
    this.#waiting.delete(plane);
    for (const key of waited) {
      const stats = this.#services.get(key);
      if (stats !== undefined) stats.waiting = this.#waitingFor(key);
    }
  }

  /** Open on one side of the planes, `clients` or `instances`. */
  http2(side: keyof Http2Numbers, what: 'connections' | 'streams'): number {
    return this.#http2.reduce((sum, numbers) => sum + numbers[side][what], 0);
  }

  /** Client connections of one plane. */
  connectionsOf(plane: number): number {
    return this.#connections[plane] ?? 0;
  }

  /** What all planes have counted of a backend. */
  service(key: string): ServiceStats | undefined {
    return this.#services.get(key);
  }

  get connections(): number {
    return this.#connections.reduce((sum, count) => sum + count, 0);
  }

  services(): Iterable<readonly [string, ServiceStats]> {
    return this.#services;
  }
}
