import type { Resource } from '../../mesos/index.ts';
import { toMillis } from '../../mesos/index.ts';

/** Scalars by name, in thousandths: whole numbers, so that sums of any length are exact. */
export type Amounts = ReadonlyMap<string, number>;

/** Scalars that must all be reached, as people write them: `cpus` 0.01. */
export type Minimum = ReadonlyMap<string, number>;

export const NOTHING: Amounts = new Map();

/** The scalars of a list, over all reservations. */
export function amountsOf(resources: readonly Resource[]): Map<string, number> {
  const out = new Map<string, number>();
  for (const r of resources) if (r.type === 'SCALAR') increase(out, r.name, toMillis(r.scalar?.value ?? 0));
  return out;
}

export function increase(into: Map<string, number>, name: string, by: number): void {
  into.set(name, (into.get(name) ?? 0) + by);
}

export function addAmounts(into: Map<string, number>, more: Amounts): void {
  for (const [name, value] of more) increase(into, name, value);
}

/** Whether each of these is reached. */
export function reaches(have: Amounts, wanted: Amounts): boolean {
  for (const [name, value] of wanted) if ((have.get(name) ?? 0) < value) return false;
  return true;
}
