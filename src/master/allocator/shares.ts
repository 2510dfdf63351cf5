import type { Resource } from '../../mesos/index.ts';
import { scalarOf } from '../../mesos/index.ts';

/** Who competes: a role, or a framework within a role. */
export interface Claim {
  readonly name: string;
  /** What it holds now: in use or offered. */
  readonly held: ReadonlyMap<string, number>;
  readonly weight: number;
  /** How often it was given something before; breaks ties. */
  readonly past: number;
}

/** Scalar amounts by name. */
export function amounts(resources: readonly Resource[]): Map<string, number> {
  const out = new Map<string, number>();
  for (const r of resources) {
    if (r.type === 'SCALAR' && !out.has(r.name)) out.set(r.name, scalarOf(resources, r.name));
  }
  return out;
}

export function addAmounts(into: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [name, value] of more) into.set(name, (into.get(name) ?? 0) + value);
}

/**
 * The dominant share (Ghodsi et al., NSDI 2011): the largest part that a claim holds of any kind of scalar resource in
 * the cluster, divided by its weight.
 */
export function dominantShare(claim: Claim, total: ReadonlyMap<string, number>): number {
  let share = 0;
  for (const [name, whole] of total) {
    if (whole > 0) share = Math.max(share, (claim.held.get(name) ?? 0) / whole);
  }
  return share / claim.weight;
}

/** Lowest share first; then who was served less often; then by name. */
export function byNeed<T extends Claim>(claims: readonly T[], total: ReadonlyMap<string, number>): T[] {
  const shares = new Map(claims.map((c) => [c, dominantShare(c, total)]));
  return claims.toSorted(
    (a, b) => (shares.get(a) ?? 0) - (shares.get(b) ?? 0) || a.past - b.past || (a.name < b.name ? -1 : 1),
  );
}
