import { reserve } from '../table/index.ts';
import { RFC1123, Zone, createNames } from '../zone/index.ts';
import type { Publisher, ZoneHead, ZoneSettings } from '../zone/index.ts';

export const MESOS_HEAD: ZoneHead = {
  apex: 'mesos.',
  mname: 'ns1.mesos.',
  rname: 'root.ns1.mesos.',
  refreshSeconds: 60,
  retrySeconds: 600,
  expireSeconds: 86_400,
  negativeTtlSeconds: 60,
  ttlSeconds: 60,
  nsTtlSeconds: 60,
};

export const MESOS_SETTINGS: ZoneSettings = {
  domain: 'mesos',
  rule: RFC1123,
  ipSources: ['netinfo', 'mesos', 'host'],
  srvWeight: 1,
  mname: 'ns1.mesos.',
  listenerIps: ['10.9.9.9'],
};

/** The names of Mesos-DNS and no others. */
const PLAIN_NAMES = {
  health: 'include',
  legacyNames: true,
  agentNames: false,
  networkNames: false,
  ptr: false,
} as const;
const NOTHING_CONFIGURED = { records: [], answerLimits: {} };

/** A zone with the names of Mesos-DNS, in memory of its own. */
export function zoneFor(
  settings: Partial<ZoneSettings> = {},
  more: { readonly publishers?: readonly Publisher[]; readonly memory?: SharedArrayBuffer } = {},
): Zone {
  const all = { ...MESOS_SETTINGS, ...settings };
  return new Zone({
    heads: [{ ...MESOS_HEAD, apex: `${all.domain}.` }],
    publishers: more.publishers ?? createNames({ ...all, ...PLAIN_NAMES }, NOTHING_CONFIGURED).publishers,
    ttlSeconds: 60,
    srvWeight: all.srvWeight,
    memory: more.memory ?? reserve(16),
    seed: 0x5eed,
    nowSeconds: () => 1_700_000_000,
  });
}
