import type { Target } from '../plan/index.ts';

/** How many connections each backend has, by `ip port`. */
export type Loads = ReadonlyMap<string, number>;

export function targetKey({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return `${ip} ${port}`;
}

/**
 * The target with the fewest connections for its weight that was not tried yet; of equals one by chance. `chance` is uniform in [0, 1).
 * Undefined: all were tried.
 */
export function leastConnections(
  targets: readonly Target[],
  loads: Loads,
  tried: ReadonlySet<string>,
  chance: number,
): Target | undefined {
  let best: Target[] = [];
  let least = Infinity;
  for (const target of targets) {
    const key = targetKey(target);
    if (tried.has(key)) continue;
    const load = ((loads.get(key) ?? 0) + 1) / target.weight;
    if (load < least) [best, least] = [[target], load];
    else if (load === least) best.push(target);
  }
  return best[Math.floor(chance * best.length)];
}
