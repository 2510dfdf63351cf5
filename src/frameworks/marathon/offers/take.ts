import type { Random } from '../../../core/random.ts';
import type { Range, Resource } from '../../../mesos/index.ts';
import { fromMillis, normalizeRanges, toMillis } from '../../../mesos/index.ts';

/** Resources of an offer that an app may use: of an accepted role, and no volumes or revocable ones. */
export function usable(resources: readonly Resource[], roles: ReadonlySet<string>): Resource[] {
  return resources
    .filter(
      (r) =>
        roles.has(r.role ?? '*') &&
        r.disk === undefined &&
        r.revocable === undefined &&
        r.shared === undefined,
    )
    .sort((a, b) => Number((a.role ?? '*') === '*') - Number((b.role ?? '*') === '*')); // reserved ones first
}

/** Take `amount` of a scalar out of `resources`, over several roles if need be; undefined when there is not enough. */
export function takeScalar(
  resources: readonly Resource[],
  name: string,
  amount: number,
): Resource[] | undefined {
  let left = toMillis(amount);
  const taken: Resource[] = [];
  for (const r of resources) {
    if (left <= 0) break;
    if (r.name !== name || r.type !== 'SCALAR') continue;
    const part = Math.min(left, toMillis(r.scalar?.value ?? 0));
    if (part <= 0) continue;
    taken.push({ ...r, scalar: { value: fromMillis(part) } });
    left -= part;
  }
  return left > 0 ? undefined : taken;
}

/**
 * Take ports out of `resources`: one per entry of `wanted`, in that order, 0 meaning any. Free choices begin at a
 * random place, so that a port is not used again right after its last user has gone. Undefined when one cannot be had.
 */
export function takePorts(
  resources: readonly Resource[],
  wanted: readonly number[],
  random: Random,
): { ports: number[]; taken: Resource[] } | undefined {
  const sources = resources
    .filter((r) => r.name === 'ports' && r.type === 'RANGES')
    .map((resource) => ({
      resource,
      free: normalizeRanges(resource.ranges?.range ?? []),
      used: [] as Range[],
    }));
  const fixed = new Set(wanted.filter((p) => p !== 0));
  const ports: number[] = [];
  for (const port of wanted) {
    const found = port === 0 ? anyPort(sources, new Set([...fixed, ...ports]), random) : port;
    const source = sources.find((s) => found !== undefined && holds(s.free, found));
    if (found === undefined || !source || ports.includes(found)) return undefined;
    source.used.push({ begin: found, end: found });
    ports.push(found);
  }
  const taken = sources
    .filter((s) => s.used.length > 0)
    .map((s): Resource => ({ ...s.resource, ranges: { range: normalizeRanges(s.used) } }));
  return { ports, taken };
}

function holds(ranges: readonly Range[], port: number): boolean {
  return ranges.some((r) => r.begin <= port && port <= r.end);
}

function anyPort(
  sources: readonly { readonly free: readonly Range[] }[],
  avoid: ReadonlySet<number>,
  random: Random,
): number | undefined {
  for (const { free } of sources) {
    const size = free.reduce((n, r) => n + r.end - r.begin + 1, 0);
    if (size === 0) continue;
    const start = random.int(size);
    // At most `avoid.size` of the candidates are not to be used, so one more than that is enough to try.
    for (let i = 0; i <= Math.min(avoid.size, size - 1); i++) {
      const port = nth(free, (start + i) % size);
      if (port !== undefined && !avoid.has(port)) return port;
    }
  }
  return undefined;
}

function nth(ranges: readonly Range[], index: number): number | undefined {
  let left = index;
  for (const r of ranges) {
    const size = r.end - r.begin + 1;
    if (left < size) return r.begin + left;
    left -= size;
  }
  return undefined;
}
