import type { Resource } from '../../mesos/index.ts';
import { normalizeResources } from '../../mesos/index.ts';

/**
 * Mesos writes the reservation of a resource in three ways (mesos-api.md §1.8). Inside, the master always says `role`
 * and nothing else for unreserved and statically reserved resources; the other forms are made at the edge.
 */
interface Reservation {
  readonly type?: string;
  readonly role?: string;
}

/** Any form to ours. */
export function internal(resources: readonly Resource[]): Resource[] {
  return normalizeResources(resources.map(toInternal));
}

/** Also of what `postRefinement` made of one in our form: the same again. */
export function toInternal(r: Resource): Resource {
  const stack = (r.reservations ?? []) as readonly Reservation[];
  if (stack.length === 0) {
    const { reservations, ...rest } = r;
    return { ...rest, role: r.role ?? '*' };
  }
  const role = stack.at(-1)?.role ?? '*';
  if (stack.length === 1 && stack[0]?.type !== 'DYNAMIC') {
    const { reservations, ...rest } = r;
    return { ...rest, role };
  }
  return { ...r, role };
}

/** The form for frameworks that know RESERVATION_REFINEMENT, and of tasks and agents in the operator API. */
export function postRefinement(resources: readonly Resource[]): Resource[] {
  return resources.map((r) => {
    const { role = '*', ...rest } = r;
    if (role === '*' || r.reservations !== undefined) return rest;
    return { ...rest, reservations: [{ type: 'STATIC', role }] };
  });
}

/** The form for older frameworks: `role` always. */
export function preRefinement(resources: readonly Resource[]): Resource[] {
  return resources.map(({ reservations, ...rest }) => rest);
}

/** The form of the totals in the operator and v0 APIs: both at once. */
export function endpointFormat(resources: readonly Resource[]): Resource[] {
  return resources.map((r) => {
    const role = r.role ?? '*';
    if (role === '*' || r.reservations !== undefined) return r;
    return { ...r, reservations: [{ type: 'STATIC', role }] };
  });
}

/** As Mesos prints resources in messages: `cpus(allocated: web):0.5; ports(reservations: [(STATIC,db)]):[1-2]`. */
export function resourcesText(resources: readonly Resource[]): string {
  return resources.map(resourceText).join('; ');
}

function resourceText(r: Resource): string {
  const allocated = r.allocation_info ? `(allocated: ${r.allocation_info.role})` : '';
  const role = r.role ?? '*';
  const reserved = role === '*' ? '' : `(reservations: [(STATIC,${role})])`;
  return `${r.name}${allocated}${reserved}:${valueText(r)}`;
}

function valueText(r: Resource): string {
  if (r.type === 'SCALAR') return String(r.scalar?.value ?? 0);
  if (r.type === 'SET') return `{${(r.set?.item ?? []).join(', ')}}`;
  return `[${(r.ranges?.range ?? []).map((x) => `${x.begin}-${x.end}`).join(', ')}]`;
}
