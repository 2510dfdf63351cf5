import type { Resource } from '../types.ts';
import { roleProblem } from '../ids.ts';
import { normalizeRanges, sizeOfRanges } from './ranges.ts';
import { toMillis } from './scalar.ts';

/** The first thing that is wrong with a list of resources that somebody sent, or undefined (mesos-api.md §1.8). */
export function resourcesProblem(resources: readonly Resource[]): string | undefined {
  for (const r of resources) {
    const problem = resourceProblem(r);
    if (problem) return `Invalid resource '${r.name}': ${problem}`;
  }
  return undefined;
}

function resourceProblem(r: Resource): string | undefined {
  if (!r.name) return 'name must not be empty';
  const role = r.role ?? '*';
  if (role !== '*') {
    const problem = roleProblem(role);
    if (problem) return problem;
  } else if (r.reservation !== undefined) return "role '*' cannot be dynamically reserved";
  if (r.disk !== undefined && r.name !== 'disk') return `DiskInfo must not be set on ${r.name}`;
  return payloadProblem(r);
}

function payloadProblem(r: Resource): string | undefined {
  switch (r.type) {
    case 'SCALAR':
      if (!r.scalar || r.ranges || r.set) return 'a SCALAR has `scalar` and nothing else';
      return scalarProblem(r.name, r.scalar.value);
    case 'RANGES':
      if (!r.ranges || r.scalar || r.set) return 'RANGES have `ranges` and nothing else';
      return rangesProblem(r.ranges.range);
    case 'SET': {
      if (!r.set || r.scalar || r.ranges) return 'a SET has `set` and nothing else';
      return new Set(r.set.item).size === r.set.item.length ? undefined : 'duplicate items';
    }
    default:
      return 'type must be SCALAR, RANGES or SET';
  }
}

function scalarProblem(name: string, value: number): string | undefined {
  if (!Number.isFinite(value)) return 'value is not a number';
  if (value < 0) return 'value must not be negative';
  if (value > 0 && toMillis(value) === 0) return 'value is smaller than 0.001';
  if (name === 'gpus' && !Number.isInteger(value)) return "'gpus' must be a whole number";
  return undefined;
}

function rangesProblem(ranges: readonly { begin: number; end: number }[]): string | undefined {
  let sum = 0;
  for (const { begin, end } of ranges) {
    if (!Number.isInteger(begin) || !Number.isInteger(end) || begin < 0)
      return 'range bounds must be whole numbers from 0';
    if (begin > end) return `range ${begin}-${end} ends before it begins`;
    sum += end - begin + 1;
  }
  return sum === sizeOfRanges(normalizeRanges(ranges)) ? undefined : 'ranges overlap';
}
