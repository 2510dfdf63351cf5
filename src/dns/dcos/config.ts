import { z } from 'zod';
import { isIp } from '../../core/ip.ts';
import { STAND_INS } from '../../core/mesh.ts';
import { VIPS_DOMAIN, boundsOf } from '../../cluster/vips/index.ts';
import type { VipRange, VipSettings } from '../../cluster/vips/index.ts';
import { isDomain } from '../resolver-address.ts';
import { isName } from '../wire/index.ts';
import { DCOS_DOMAIN, DCOS_ZONES, MESOS_DOMAIN, NAMES_DOMAIN, aliasZones } from './zones.ts';

/** Parts of `thisdcos.directory` whose names are made of the cluster. */
const TAKEN = [NAMES_DOMAIN, MESOS_DOMAIN, VIPS_DOMAIN, `dclb.${DCOS_DOMAIN}`];

const ip = z.string().refine(isIp, 'write an IP address');

const aliasName = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine(
    (text) => isDomain(text) && isName(`${text}.${DCOS_DOMAIN}.`),
    `write the labels before .${DCOS_DOMAIN}, such as registry.component`,
  )
  .refine(
    (text) => !TAKEN.some((zone) => `.${text}.${DCOS_DOMAIN}`.endsWith(`.${zone}`)),
    'lies in a zone whose names are made of the cluster',
  );

const aliasTarget = z
  .string()
  .transform((text) => text.toLowerCase().replace(/\.$/, ''))
  .refine((text) => isName(`${text}.`), `write a domain name, such as master.${NAMES_DOMAIN}`);

/** Addresses that no VIP may have, and why. */
const RESERVED = {
  4: [
    { ...STAND_INS, why: 'by which agents know calls to guarded VIPs (mesh)' },
    { first: '127.0.0.0', last: '127.0.255.255', why: 'by which this machine calls itself (loopback)' },
  ],
  6: [{ first: '::1', last: '::1', why: 'by which this machine calls itself (loopback)' }],
} as const;

/** What is wrong with a range for VIPs, and what to write instead; undefined: nothing. Throws where it is no range. */
function rangeProblem(family: 4 | 6, range: VipRange): string | undefined {
  const [first, last] = boundsOf(family, range);
  const taken = RESERVED[family].find((reserved) => {
    const [from, to] = boundsOf(family, reserved);
    return first <= to && from <= last;
  });
  if (!taken) return undefined;
  const which = taken.first === taken.last ? taken.first : `${taken.first} to ${taken.last}`;
  const instead = family === 4 ? '11.0.0.0 to 11.255.255.255' : 'fd01:c:: to fd01:c::ffff:ffff:ffff:ffff';
  return `must leave out ${which}, ${taken.why}; write a range that nobody else uses, such as ${instead}`;
}

/** Addresses from first to last, both of one family. */
function range(family: 4 | 6, first: string, last: string) {
  return z
    .strictObject({
      first: z.string().default(first).describe('The first address.'),
      last: z.string().default(last).describe('The last address.'),
    })
    .superRefine((value, context) => {
      try {
        const problem = rangeProblem(family, value);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
      }
    })
    .prefault({});
}

/** The names and the REST API of DC/OS. */
export const dcosSchema = z.strictObject({
  enabled: z.boolean().default(false).describe('Publish the names of DC/OS too (thisdcos.directory).'),
  clusterId: z
    .string()
    .refine((text) => text === '' || isDomain(text), 'write the id as it stands in names')
    .transform((text) => text.toLowerCase())
    .default('')
    .describe('Id of this cluster in names such as <name>.<id>.dcos.directory; empty for none.'),
  aliases: z
    .record(aliasName, aliasTarget)
    .default({})
    .describe('Names of your own below thisdcos.directory, and what they stand for (CNAME).'),
  zkAddresses: z
    .array(ip)
    .default([])
    .describe('Addresses behind zk-1.zk to zk-5.zk; empty for those of the masters.'),
  vipRange: range(4, '11.0.0.0', '11.255.255.255').describe(
    'IPv4 addresses that named VIPs get. The same on every node.',
  ),
  vipRangeIpv6: range(6, 'fd01:c::', 'fd01:c::ffff:ffff:ffff:ffff').describe(
    'IPv6 addresses that named VIPs get.',
  ),
  enableIpv6: z.boolean().default(true).describe('Give named VIPs IPv6 addresses, and backends.'),
  http: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Serve the REST API of dcos-net, with `dcos.enabled`.'),
      host: z.string().default('127.0.0.1').describe('Address of it.'),
      port: z.int().min(0).max(65_535).default(62_080).describe('Port of it; 0 picks a free one.'),
    })
    .prefault({})
    .describe('The REST API of dcos-net.'),
});

export type DcosConfig = z.output<typeof dcosSchema>;

/** What VIPs depend on. */
export function vipSettings(config: DcosConfig): VipSettings {
  const { vipRange, vipRangeIpv6, enableIpv6 } = config;
  return { domain: VIPS_DOMAIN, ipv4: vipRange, ipv6: enableIpv6 ? vipRangeIpv6 : undefined };
}

/** Names that cannot be answered as the rest of the config says, for they are those of DC/OS. */
export function dcosProblems(config: {
  readonly dcos: DcosConfig;
  readonly domain: string;
  readonly zoneResolvers: Readonly<Record<string, readonly string[]>>;
}): { readonly path: string[]; readonly message: string }[] {
  const { dcos, domain, zoneResolvers } = config;
  if (!dcos.enabled) return [];
  const taken = [
    ...DCOS_ZONES.map((zone) => zone.apex.slice(0, -1)),
    ...aliasZones(dcos.clusterId).map(({ from }) => from),
  ];
  const within = (name: string): string | undefined => taken.find((zone) => `.${name}`.endsWith(`.${zone}`));
  const problems = Object.keys(zoneResolvers).flatMap((name) => {
    const zone = within(name);
    if (zone === undefined) return [];
    return [
      {
        path: ['zoneResolvers', name],
        message: `is answered here, with dns.dcos.enabled, as part of ${zone}`,
      },
    ];
  });
  const zone = within(domain);
  if (zone !== undefined)
    problems.unshift({
      path: ['domain'],
      message: `lies in ${zone}, which is another zone with dns.dcos.enabled`,
    });
  return problems;
}
