import type { Entry, Scene } from './entry.ts';
import { Group } from './group.ts';
import type { Strategy } from './strategies.ts';

/**
 * The endpoints as one fault domain sees them. While it has its part of all healthy capacity, its requests stay inside;
 * with less, as many as the rest can take on equal terms go elsewhere, so that no endpoint is overrun for being near.
 */
export class ZoneView {
  readonly local: Group;
  readonly other: Group;
  readonly #zones: number;
  /** Share of the requests that stays inside. */
  #inside = 1;
  /** Requests owed to the inside; one is paid when it reaches 1. */
  owed = 0;

  constructor(zone: string, all: Group) {
    this.local = new Group(all.members.filter((e) => e.endpoint.zone === zone));
    this.other = new Group(all.members.filter((e) => e.endpoint.zone !== zone));
    this.#zones = new Set(all.members.map((e) => e.endpoint.zone)).size;
  }

  /** Weights or health have changed. */
  weigh(scene: Scene): void {
    this.local.weigh();
    this.other.weigh();
    const local = capacity(this.local, scene);
    const all = local + capacity(this.other, scene);
    this.#inside = all === 0 ? 0 : Math.min(1, (local * this.#zones) / all);
  }

  choose(strategy: Strategy, scene: Scene): Entry | undefined {
    this.owed += this.#inside;
    if (this.owed < 1) return strategy(this.other, scene);
    this.owed -= 1;
    return strategy(this.local, scene);
  }
}

function capacity(group: Group, scene: Scene): number {
  let sum = 0;
  for (const entry of group.members) if (scene.isWell(entry)) sum += entry.share;
  return sum;
}
