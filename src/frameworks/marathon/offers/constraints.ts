import type { Constraint } from '../apps/constraint-schema.ts';

/** Where something is or could be placed. */
export interface Place {
  readonly host: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly region?: string;
  readonly zone?: string;
}

/** The value of a constraint field at a place; undefined where the agent has no such attribute. */
export function fieldValue(place: Place, field: string): string | undefined {
  switch (field) {
    case 'hostname':
    case '@hostname':
      return place.host;
    case '@region':
      return place.region;
    case '@zone':
      return place.zone;
    default:
      return Object.hasOwn(place.attributes, field) ? place.attributes[field] : undefined;
  }
}

/** Whether one more instance may go to `place`, given where the app's others are (marathon.md §3.3). */
export function meetsConstraint(constraint: Constraint, place: Place, others: readonly Place[]): boolean {
  const [field, operator, argument] = constraint;
  const value = fieldValue(place, field);
  if (operator === 'UNLIKE') return value === undefined || !matchesFully(argument ?? '', value);
  if (value === undefined) return false;
  const counts = countValues(others, field);
  switch (operator) {
    case 'UNIQUE':
      return !counts.has(value);
    case 'CLUSTER':
      if (argument !== undefined && argument !== '') return value === argument;
      return [...counts.keys()].every((v) => v === value);
    case 'GROUP_BY':
      return (counts.get(value) ?? 0) <= smallestGroup(counts, Number(argument ?? 1));
    case 'MAX_PER':
      return (counts.get(value) ?? 0) < Number(argument);
    case 'LIKE':
      return matchesFully(argument ?? '', value);
    case 'IS':
      return isEqual(argument ?? '', value);
  }
}

function countValues(places: readonly Place[], field: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const place of places) {
    const value = fieldValue(place, field);
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

/** How full the emptiest group is; 0 while fewer groups are in use than are expected. */
function smallestGroup(counts: ReadonlyMap<string, number>, expected: number): number {
  return counts.size < expected || counts.size === 0 ? 0 : Math.min(...counts.values());
}

function matchesFully(source: string, value: string): boolean {
  return new RegExp(`^(?:${source})$`).test(value);
}

/** Numbers are compared with three decimals, as Mesos keeps scalars. */
function isEqual(wanted: string, value: string): boolean {
  if (wanted === value) return true;
  const number = /^-?\d+(\.\d+)?$/;
  return (
    number.test(wanted) &&
    number.test(value) &&
    Math.round(Number(wanted) * 1000) === Math.round(Number(value) * 1000)
  );
}
