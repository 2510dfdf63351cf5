interface Dependent {
  readonly id: string;
  readonly dependencies: readonly string[];
}

function matches(id: string, dependency: string): boolean {
  return id === dependency || dependency === '/' || id.startsWith(`${dependency}/`);
}

/**
 * Apps in layers: each one stands in a later layer than everything it depends on. A dependency that names a group means
 * all apps below it; one that names nothing is ignored. Apps in a cycle come together in the last layer.
 */
export function dependencyLayers<T extends Dependent>(apps: readonly T[]): T[][] {
  const layers: T[][] = [];
  let left = [...apps];
  while (left.length > 0) {
    const ready = left.filter(
      (app) =>
        !left.some((other) => other.id !== app.id && app.dependencies.some((d) => matches(other.id, d))),
    );
    if (ready.length === 0) return [...layers, left];
    layers.push(ready);
    const placed = new Set(ready);
    left = left.filter((app) => !placed.has(app));
  }
  return layers;
}

/** The ids of apps that depend on each other in a circle (or on something in one); empty when there is no cycle. */
export function dependencyCycle(apps: readonly Dependent[]): string[] {
  let left = [...apps];
  for (;;) {
    const free = left.filter(
      (app) =>
        !left.some((other) => other.id !== app.id && app.dependencies.some((d) => matches(other.id, d))),
    );
    if (free.length === 0) return left.map((a) => a.id);
    const placed = new Set(free);
    left = left.filter((app) => !placed.has(app));
  }
}
