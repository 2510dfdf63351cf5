import type { Random } from '../../core/random.ts';
import type { CatalogVersion } from '../../cluster/index.ts';
import { mesosRecords, splitSrv } from '../zone/index.ts';
import type { Zone, ZoneSettings } from '../zone/index.ts';

/** `Web.marathon.*.mesos` as the zone knows it: absolute, lower-case, without wildcards. */
function zoneName(text: string): string {
  const name = text.toLowerCase().replaceAll('.*', '');
  return name.endsWith('.') ? name : `${name}.`;
}

/** `/v1/hosts/{host}`: one element per address; one of empty texts when there is none. */
export function hosts(zone: Zone, host: string, random: Random): { host: string; ip: string }[] {
  const name = zoneName(host);
  const ips = [...shuffled(zone.hosts(name, 'A'), random), ...shuffled(zone.hosts(name, 'AAAA'), random)];
  return ips.length === 0 ? [{ host: '', ip: '' }] : ips.map((ip) => ({ host: name, ip }));
}

export interface ServiceElement {
  readonly service: string;
  readonly host: string;
  readonly ip: string;
  readonly port: string;
}

/** `/v1/services/{service}`: per SRV record one element with an address of each kind that its target has. */
export function services(zone: Zone, service: string, random: Random): ServiceElement[] {
  const found = shuffled(zone.hosts(zoneName(service), 'SRV'), random).flatMap((value) => {
    const { target, port } = splitSrv(value);
    const ips = (['A', 'AAAA'] as const).flatMap((type) => one(zone.hosts(target, type), random));
    return ips.map((ip) => ({ service, host: target, ip, port: String(port) }));
  });
  return found.length === 0 ? [{ service: '', host: '', ip: '', port: '' }] : found;
}

/** All records of Mesos-DNS by type and name, names in order. */
export function transfer(
  version: CatalogVersion,
  settings: ZoneSettings,
): Record<'As' | 'AAAAs' | 'SRVs', Record<string, string[]>> {
  const sets = { A: new Map<string, Set<string>>(), AAAA: new Map(), SRV: new Map() };
  for (const { name, type, host } of mesosRecords(version, settings)) {
    const hosts = sets[type].get(name);
    if (hosts) hosts.add(host);
    else sets[type].set(name, new Set([host]));
  }
  const sorted = (set: ReadonlyMap<string, ReadonlySet<string>>): Record<string, string[]> =>
    Object.fromEntries(
      [...set].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, hosts]) => [name, [...hosts]]),
    );
  return { As: sorted(sets.A), AAAAs: sorted(sets.AAAA), SRVs: sorted(sets.SRV) };
}

function one(values: readonly string[], random: Random): string[] {
  const value = values[values.length < 2 ? 0 : random.int(values.length)];
  return value === undefined ? [] : [value];
}

function shuffled(values: readonly string[], random: Random): string[] {
  const out = [...values];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [out[i], out[j]] = [out[j] as string, out[i] as string];
  }
  return out;
}
