import { VIPS_DOMAIN } from '../../cluster/vips/index.ts';
import type { ZoneHead } from '../zone/zone.ts';

/** The domain of everything that DC/OS publishes beside Mesos-DNS. */
export const DCOS_DOMAIN = 'thisdcos.directory';
export const NAMES_DOMAIN = `dcos.${DCOS_DOMAIN}`;
export const MESOS_DOMAIN = `mesos.${DCOS_DOMAIN}`;

export const DCOS_TTL_SECONDS = 5;

/**
 * The zones that every node of DC/OS is the authority for (dcos-net.md §2, §3). `thisdcos.directory` as a whole, so that names in a part
 * of it that we do not know are denied here and never asked for elsewhere.
 */
const APEXES = [
  DCOS_DOMAIN,
  NAMES_DOMAIN,
  MESOS_DOMAIN,
  VIPS_DOMAIN,
  `component.${DCOS_DOMAIN}`,
  'spartan',
  'zk',
  'localhost',
];

/** Those whose names do not come from the cluster: that a name is not there is known before anything else is. */
export function fixedApexes(zkAddresses: readonly string[]): ReadonlySet<string> {
  return new Set(['spartan.', 'localhost.', ...(zkAddresses.length > 0 ? ['zk.'] : [])]);
}

export const DCOS_ZONES: readonly ZoneHead[] = APEXES.map((apex) => ({
  apex: `${apex}.`,
  mname: 'ns.spartan.',
  rname: 'support.mesosphere.com.',
  refreshSeconds: 60,
  retrySeconds: 180,
  expireSeconds: 86_400,
  negativeTtlSeconds: 1,
  ttlSeconds: DCOS_TTL_SECONDS,
  nsTtlSeconds: 3_600,
}));

/** Questions below `from` are answered as if asked below `to`. Without dots at the ends. */
export interface DcosAlias {
  readonly from: string;
  readonly to: string;
}

/** Other names of these zones (§2), longest first. `clusterId` names this cluster among others; empty for none. */
export function aliasZones(clusterId: string): DcosAlias[] {
  const aliases = [
    { from: `dclb.${DCOS_DOMAIN}`, to: VIPS_DOMAIN },
    { from: 'dclb.thisdcos.global', to: VIPS_DOMAIN },
    { from: 'thisdcos.global', to: DCOS_DOMAIN },
  ];
  if (clusterId !== '') aliases.push({ from: `${clusterId}.dcos.directory`, to: DCOS_DOMAIN });
  return aliases.sort((a, b) => b.from.length - a.from.length);
}
