import type { Rejected } from '../../cluster/index.ts';
import type { Vips } from '../../cluster/vips/index.ts';
import type { Publisher, ZoneHead } from '../zone/index.ts';
import type { DcosConfig } from './config.ts';
import { CopiedNames } from './copied-names.ts';
import { DcosNames } from './names.ts';
import { DcosStaticNames } from './static-names.ts';
import { DcosVips } from './vips.ts';
import { DCOS_ZONES, aliasZones, fixedApexes } from './zones.ts';
import type { DcosAlias } from './zones.ts';

/** Everything that DC/OS names need of a DNS server. */
export interface Dcos {
  readonly heads: readonly ZoneHead[];
  /** Names of the zones that are known in full before anything is known of the cluster. */
  readonly fixed: ReadonlySet<string>;
  readonly aliases: readonly DcosAlias[];
  readonly publishers: readonly Publisher[];
  /** Who is behind which VIP; for load balancing, and for the REST API. */
  readonly vips: Vips;
  /** What could not be published, and why. */
  setAside(): Iterable<Rejected>;
}

/** `mesos` are publishers of the names of Mesos-DNS in `domain`, not used for anything else. `vips` must follow the catalog already. */
export function createDcos(
  config: DcosConfig,
  vips: Vips,
  mesos: { readonly domain: string; readonly publishers: readonly Publisher[] },
): Dcos {
  return {
    heads: DCOS_ZONES,
    fixed: fixedApexes(config.zkAddresses),
    aliases: aliasZones(config.clusterId),
    publishers: [
      new DcosStaticNames(config),
      new DcosNames(),
      new DcosVips(vips),
      ...mesos.publishers.map((publisher) => new CopiedNames(publisher, mesos.domain)),
    ],
    vips,
    setAside: () => vips.setAside(),
  };
}
