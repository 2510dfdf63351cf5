import type { Rejected } from '../../cluster/index.ts';
import type { Publisher, ZoneHead } from '../zone/index.ts';
import type { DcosConfig } from './config.ts';
import { CopiedNames } from './copied-names.ts';
import { DcosNames } from './names.ts';
import { DcosStaticNames } from './static-names.ts';
import { DcosVips } from './vips.ts';
import { DCOS_TTL_SECONDS, DCOS_ZONES, VIPS_DOMAIN, aliasZones, fixedApexes } from './zones.ts';
import type { DcosAlias } from './zones.ts';

/** Everything that DC/OS names need of a DNS server. */
export interface Dcos {
  readonly heads: readonly ZoneHead[];
  /** Names of the zones that are known in full before anything is known of the cluster. */
  readonly fixed: ReadonlySet<string>;
  readonly aliases: readonly DcosAlias[];
  readonly publishers: readonly Publisher[];
  /** Who is behind which VIP; for load balancing, and for the REST API. */
  readonly vips: DcosVips;
  /** What could not be published, and why. */
  setAside(): Iterable<Rejected>;
}

/** `mesos` are publishers of the names of Mesos-DNS in `domain`, not used for anything else. */
export function createDcos(
  config: DcosConfig,
  mesos: { readonly domain: string; readonly publishers: readonly Publisher[] },
): Dcos {
  const vips = new DcosVips({
    domain: VIPS_DOMAIN,
    ttlSeconds: DCOS_TTL_SECONDS,
    ipv4: config.vipRange,
    ipv6: config.enableIpv6 ? config.vipRangeIpv6 : undefined,
  });
  return {
    heads: DCOS_ZONES,
    fixed: fixedApexes(config.zkAddresses),
    aliases: aliasZones(config.clusterId),
    publishers: [
      new DcosStaticNames(config),
      new DcosNames(),
      vips,
      ...mesos.publishers.map((publisher) => new CopiedNames(publisher, mesos.domain)),
    ],
    vips,
    setAside: () => vips.setAside(),
  };
}
