import type { Resource } from '../types.ts';
import { normalizeResources, resourceIdentity } from './algebra.ts';
import { fromMillis, toMillis } from './scalar.ts';

/** A resource as a sum takes it. Whoever adds and takes away the same ones over and over keeps what was read of them. */
export interface Summand {
  readonly resource: Resource;
  readonly key: string;
  /** Of a scalar. */
  readonly millis: number;
}

interface Counted {
  readonly resource: Resource;
  count: number;
}

/**
 * A sum that many lists are added to and taken from, each at the cost of that list alone. Of ranges and sets it counts how
 * often it has each, so that what is on two agents stays when it is taken from one of them.
 */
export class ResourceSum {
  readonly #scalars = new Map<string, { readonly like: Resource; millis: number }>();
  readonly #others = new Map<string, Counted>();
  #list: readonly Resource[] | undefined = [];

  add(summands: readonly Summand[]): void {
    for (const summand of summands) this.#change(summand, 1);
    this.#list = undefined;
  }

  /** Take away what was added before. */
  subtract(summands: readonly Summand[]): void {
    for (const summand of summands) this.#change(summand, -1);
    this.#list = undefined;
  }

  /** Normalized; made when somebody asks. */
  get list(): readonly Resource[] {
    this.#list ??= normalizeResources([
      ...Array.from(this.#scalars.values(), ({ like, millis }) => ({
        ...like,
        scalar: { value: fromMillis(millis) },
      })),
      ...Array.from(this.#others.values(), ({ resource }) => resource),
    ]);
    return this.#list;
  }

  #change(summand: Summand, sign: 1 | -1): void {
    const { key, resource } = summand;
    if (resource.type !== 'SCALAR') return this.#recount(summand, sign);
    const millis = sign * summand.millis;
    const have = this.#scalars.get(key);
    if (have === undefined) this.#scalars.set(key, { like: resource, millis });
    else if (have.millis + millis === 0) this.#scalars.delete(key);
    else have.millis += millis;
  }

  #recount({ key, resource }: Summand, sign: 1 | -1): void {
    const have = this.#others.get(key);
    if (have === undefined) this.#others.set(key, { resource, count: sign });
    else if (have.count + sign === 0) this.#others.delete(key);
    else have.count += sign;
  }
}

export function summandsOf(resources: readonly Resource[]): Summand[] {
  return resources.map((resource) => ({
    resource,
    key: keyOf(resource),
    millis: toMillis(resource.scalar?.value ?? 0),
  }));
}

function keyOf(resource: Resource): string {
  const kind = resourceIdentity(resource);
  return resource.type === 'SCALAR' ? kind : `${kind} ${valueText(resource)}`;
}

function valueText(resource: Resource): string {
  if (resource.type === 'SET') return (resource.set?.item ?? []).join('\n');
  let text = '';
  for (const { begin, end } of resource.ranges?.range ?? []) text += `${begin}-${end},`;
  return text;
}
