import type { CatalogDiff, Service } from '../../cluster/index.ts';
import { readLabels } from './labels.ts';
import { RouteTable } from './table.ts';
import type { Problem, Route, ServiceRouting } from './types.ts';

/**
 * The routes of all services, kept up to date from catalog diffs. Only services that changed are read again, and only
 * if what they ask for is different does the table change: it is then replaced as a whole.
 */
export class RouteBook {
  readonly #groups: readonly string[];
  readonly #services = new Map<string, ServiceRouting>();
  #table = RouteTable.empty;

  constructor(groups: readonly string[]) {
    this.#groups = groups;
  }

  get table(): RouteTable {
    return this.#table;
  }

  /** Take the difference in; returns the keys of services whose routes changed. */
  apply(diff: CatalogDiff['services']): ReadonlySet<string> {
    const gone: Route[] = [];
    const come: Route[] = [];
    const touched = new Set<string>();
    const set = (key: string, service: Service | undefined): void => {
      const before = this.#services.get(key);
      const after = service === undefined ? undefined : readLabels(service, this.#groups);
      const same = sameRoutes(before?.routes ?? [], after?.routes ?? []);
      if (after === undefined) this.#services.delete(key);
      else this.#services.set(key, same && before ? { ...after, routes: before.routes } : after);
      if (same) return;
      gone.push(...(before?.routes ?? []));
      come.push(...(after?.routes ?? []));
      touched.add(key);
    };
    for (const service of diff.removed) set(service.key, undefined);
    for (const service of diff.added) set(service.key, service);
    for (const { after } of diff.changed) set(after.key, after);
    this.#table = this.#table.with(gone, come);
    return touched;
  }

  routesOf(serviceKey: string): readonly Route[] {
    return this.#services.get(serviceKey)?.routes ?? [];
  }

  /** Labels that were set aside, and rules that another one hides. */
  problems(): Problem[] {
    return [...[...this.#services.values()].flatMap((s) => s.problems), ...this.#table.conflicts()];
  }
}

function sameRoutes(a: readonly Route[], b: readonly Route[]): boolean {
  return (
    a.length === b.length &&
    a.every((x, i) => {
      const y = b[i];
      return (
        y !== undefined &&
        x.backendKey === y.backendKey &&
        x.host === y.host &&
        x.path === y.path &&
        x.weight === y.weight &&
        x.balance === y.balance
      );
    })
  );
}
