import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import type { Random } from '../../../core/random.ts';
import type { Reactor } from '../../../net/index.ts';
import type { VipsConfig } from '../config.ts';
import type { Target, VirtualServer } from '../plan/index.ts';
import { leastConnections, targetKey } from './pick.ts';

export interface ProxyParts {
  readonly config: VipsConfig['proxy'];
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What all connections of the proxy share: how many there are, and where. */
export class ProxyShared {
  readonly parts: ProxyParts;
  readonly #loads = new Map<string, number>();
  #connections = 0;

  constructor(parts: ProxyParts) {
    this.parts = parts;
  }

  /** Room for one more; give it back with `leave`. */
  enter(): boolean {
    if (this.#connections >= this.parts.config.maxConnections) return false;
    this.#connections++;
    return true;
  }

  leave(): void {
    this.#connections--;
  }

  /** Pick a target and count one connection to it, until `release`. */
  take(server: VirtualServer | undefined, tried: ReadonlySet<string>): Target | undefined {
    const chance = this.parts.random.next();
    const target = leastConnections(server?.targets ?? [], this.#loads, tried, chance);
    if (target === undefined) return undefined;
    const key = targetKey(target);
    this.#loads.set(key, (this.#loads.get(key) ?? 0) + 1);
    return target;
  }

  release(target: Target): void {
    const key = targetKey(target);
    const left = (this.#loads.get(key) ?? 1) - 1;
    if (left > 0) this.#loads.set(key, left);
    else this.#loads.delete(key);
  }
}
