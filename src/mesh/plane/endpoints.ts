import type { EndpointSpec } from './messages.ts';

/** One that could not be reached is left alone for so long, while there are others. */
const AVOID_MS = 2_000;

class Endpoint {
  readonly spec: EndpointSpec;
  open = 0;
  avoidUntil = Number.NEGATIVE_INFINITY;

  constructor(spec: EndpointSpec) {
    this.spec = spec;
  }
}

export type { Endpoint };

const keyOf = ({ ip, port, id }: EndpointSpec): string => `${ip} ${port} ${id}`;

/** The endpoints of a service, and who of them is asked next: who has the fewest connections, and among equals one after another. */
export class Endpoints {
  #all: readonly Endpoint[] = [];
  #turn = 0;

  /** What is known of those that stay is kept. */
  set(specs: readonly EndpointSpec[]): void {
    const known = new Map(this.#all.map((e) => [keyOf(e.spec), e]));
    this.#all = specs.map((spec) => known.get(keyOf(spec)) ?? new Endpoint(spec));
  }

  /** Undefined: all have been tried. */
  pick(tried: ReadonlySet<Endpoint>, now: number): Endpoint | undefined {
    const count = this.#all.length;
    this.#turn++;
    let best: Endpoint | undefined;
    for (let i = 0; i < count; i++) {
      const next = this.#all[(this.#turn + i) % count] as Endpoint;
      if (!tried.has(next) && (best === undefined || isBetter(next, best, now))) best = next;
    }
    return best;
  }

  failed(endpoint: Endpoint, now: number): void {
    endpoint.avoidUntil = now + AVOID_MS;
  }
}

function isBetter(a: Endpoint, b: Endpoint, now: number): boolean {
  const [avoidA, avoidB] = [a.avoidUntil > now, b.avoidUntil > now];
  return avoidA === avoidB ? a.open < b.open : avoidB;
}
