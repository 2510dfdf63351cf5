import type { CatalogDiff, CatalogVersion, SetDiff } from '../../cluster/index.ts';

const NONE: SetDiff<never> = { added: [], changed: [], removed: [] };

/** A step in which the cluster stays as it is. */
export const NOTHING_CHANGED: CatalogDiff = {
  agents: NONE,
  frameworks: NONE,
  tasks: NONE,
  services: NONE,
  mastersChanged: false,
  staleChanged: false,
};

/** The step from nothing to a whole version. */
export function everythingAdded(version: CatalogVersion): CatalogDiff {
  return {
    agents: added(version.agents),
    frameworks: added(version.frameworks),
    tasks: added(version.tasks),
    services: added(version.services),
    mastersChanged: true,
    staleChanged: true,
  };
}

function added<T>(map: ReadonlyMap<string, T>): SetDiff<T> {
  return { added: [...map.values()], changed: [], removed: [] };
}
