import type { Catalog, CatalogTask } from '../cluster/index.ts';
import type { Clock } from '../core/clock.ts';
import { restEvery } from '../core/slices.ts';
import type { Answering } from './answering.ts';
import type { DnsConfig } from './config.ts';
import type { Dcos } from './dcos/dcos.ts';
import { MESOS_DOMAIN } from './dcos/zones.ts';
import { Explainer } from './explain/explainer.ts';
import { namingSettings } from './served.ts';
import type { Names, SetAside, Zone } from './zone/index.ts';
import { taskLabel } from './zone/records.ts';

export interface ExplainingParts {
  readonly config: DnsConfig;
  readonly catalog: Catalog;
  readonly zone: Zone;
  readonly names: Names;
  readonly dcos: Dcos | undefined;
  /** Absolute names of our zones. */
  readonly apexes: readonly string[];
  readonly answering: Answering;
  readonly setAside: () => Iterable<SetAside>;
  readonly clock: Clock;
  readonly later: (work: () => void) => void;
}

/** How long the thread may be kept from everything else, milliseconds. */
const SLICE_MS = 3;

/** What explains the answers of this server, with everything that it has to know. */
export function createExplainer(parts: ExplainingParts): Explainer {
  const { config, catalog, zone, names, dcos, apexes, answering, setAside, clock, later } = parts;
  const settings = namingSettings(config);
  const view = {
    ...names,
    labelOf: (task: CatalogTask): string => taskLabel(task, settings.rule),
    ipSources: settings.ipSources,
  };
  const copies = dcos ? [{ from: `${MESOS_DOMAIN}.`, to: `${config.domain}.` }] : [];
  return new Explainer({
    ask: (bytes) => answering.local.explained(bytes),
    table: zone.table,
    apexes,
    rest: () => restEvery(SLICE_MS, clock, later),
    knowledge: (type, client) => ({
      current: catalog.current,
      names: view,
      settings,
      copies,
      vips: () => dcos?.vips.vips() ?? [],
      setAside,
      unservable: () => zone.unservableRecords(),
      outside: (name) => (config.externalOn ? answering.resolver.describe(name, type, client) : undefined),
    }),
  });
}
