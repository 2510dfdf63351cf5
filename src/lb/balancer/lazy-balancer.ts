import type {
  Balancer,
  BalancerState,
  Endpoint,
  EndpointChange,
  EndpointView,
  Lease,
  PickContext,
} from './types.ts';

/** With more endpoints it is made as they come, or its first request would wait too long. */
const MOST = 512;

/**
 * A balancer that is made with the first request. Most services of a large cluster are small and have none at a given plane;
 * until then this holds on to nothing but the endpoints.
 */
export class LazyBalancer implements Balancer {
  readonly #make: () => Balancer;
  #made: Balancer | undefined;
  #endpoints: readonly Endpoint[] = [];

  constructor(make: () => Balancer) {
    this.#make = make;
  }

  #begin(): Balancer {
    this.#made = this.#copy();
    this.#endpoints = [];
    return this.#made;
  }

  #copy(): Balancer {
    const balancer = this.#make();
    if (this.#endpoints.length > 0) balancer.update(this.#endpoints);
    return balancer;
  }

  get overflowed(): boolean {
    return this.#made?.overflowed ?? false;
  }

  pick(ctx: PickContext): Lease | undefined {
    return (this.#made ?? this.#begin()).pick(ctx);
  }

  peek(ctx: PickContext): Endpoint | undefined {
    return (this.#made ?? this.#begin()).peek(ctx);
  }

  update(endpoints: readonly Endpoint[]): void {
    if (this.#made === undefined) this.#keep(endpoints);
    else this.#made.update(endpoints);
  }

  change(change: EndpointChange): void {
    if (this.#made === undefined && change.more === true) this.#begin();
    if (this.#made !== undefined) return this.#made.change(change);
    const out = new Set(change.gone);
    for (const { key } of change.come) out.add(key);
    this.#keep([...this.#endpoints.filter(({ key }) => !out.has(key)), ...change.come]);
  }

  #keep(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    if (endpoints.length > MOST) this.#begin();
  }

  /** Being looked at is no reason to stay. */
  inspect(ctx: PickContext): readonly EndpointView[] {
    return (this.#made ?? this.#copy()).inspect(ctx);
  }

  state(now: number): BalancerState {
    return (this.#made ?? this.#copy()).state(now);
  }
}
