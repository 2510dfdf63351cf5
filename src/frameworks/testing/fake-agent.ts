import { systemClock } from '../../core/clock.ts';
import type { Attribute, Resource } from '../../mesos/index.ts';
import {
  addResources,
  containsResources,
  parseAttributes,
  parseResources,
  subtractResources,
} from '../../mesos/index.ts';

export interface FakeAgentOptions {
  readonly hostname?: string;
  /** In the text form: `cpus:4;mem:1024;ports:[31000-32000]`. */
  readonly resources?: string;
  readonly attributes?: string;
}

/** What one agent has, uses and offers. */
export class FakeAgent {
  readonly id: string;
  readonly hostname: string;
  readonly attributes: readonly Attribute[];
  #free: Resource[];
  #filter: { readonly resources: readonly Resource[]; readonly untilMs: number } | undefined;
  /** In an offer that has not been answered. */
  offered: readonly Resource[] = [];

  constructor(options: FakeAgentOptions, index: number) {
    this.id = `agent-S${index}`;
    this.hostname = options.hostname ?? `host${index}`;
    const resources = parseResources(options.resources ?? 'cpus:8;mem:8192;disk:10000;ports:[31000-32000]');
    const attributes = parseAttributes(options.attributes ?? '');
    if (!resources.ok || !attributes.ok) throw new Error('bad agent options');
    this.#free = [...resources.value];
    this.attributes = attributes.value;
  }

  /** What may be offered now; undefined when there is nothing, or it is refused for a while. */
  offerable(): Resource[] | undefined {
    if (this.offered.length > 0 || this.#free.length === 0) return undefined;
    const filter = this.#filter;
    if (filter && filter.untilMs > systemClock.monotonic() && containsResources(filter.resources, this.#free))
      return undefined;
    return this.#free;
  }

  use(offer: readonly Resource[], part: readonly Resource[]): readonly Resource[] {
    this.#free = subtractResources(this.#free, part);
    return subtractResources(offer, part);
  }

  release(resources: readonly Resource[]): void {
    this.#free = addResources(this.#free, resources);
  }

  refuse(seconds: number): void {
    this.offered = [];
    this.#filter = { resources: this.#free, untilMs: systemClock.monotonic() + seconds * 1000 };
  }

  clearFilter(): void {
    this.#filter = undefined;
  }
}
