import type { CatalogVersion } from '../../cluster/index.ts';
import type { Work } from '../../core/slices.ts';
import { recordData, textOfData } from '../zone/record-data.ts';
import { agentRecords, frameworkRecords, listenerRecords, masterRecords } from '../zone/records.ts';
import type { ZoneSettings } from '../zone/records.ts';
import type { Origin } from './explanation.ts';
import type { NamedRecord, NamesView } from './view.ts';

/** Of the same record the same text, however its address was written. Without weight and TTL. */
export function keyOf(record: NamedRecord): string {
  const said = recordData(record, 0);
  return `${record.type} ${record.name} ${said ? textOfData(record.type, said.data) : record.host}`;
}

/** A VIP by its name, with the addresses that the name has. */
export interface NamedVip {
  readonly name: string | undefined;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly protocol: string;
  readonly backends: readonly { readonly ip: string; readonly port: number; readonly weight: number }[];
}

const MAX_BACKENDS = 20;

/** What else than tasks gives records at some names, by `keyOf`. Rests now and then. */
export function* otherOrigins(
  current: CatalogVersion,
  names: NamesView,
  settings: ZoneSettings,
  vips: readonly NamedVip[],
  wanted: ReadonlySet<string>,
): Work<ReadonlyMap<string, readonly Origin[]>> {
  const found = new Map<string, Origin[]>();
  const add = (records: Iterable<NamedRecord>, origin: Origin): void => {
    for (const key of new Set([...records].filter((r) => wanted.has(r.name)).map(keyOf)))
      listAt(found, key).push(origin);
  };
  add(listenerRecords(settings.mname, settings.listenerIps), { kind: 'zone' });
  add(names.configured(), { kind: 'static' });
  addMasters(current, settings, add);
  for (const f of current.frameworks.values()) {
    add(frameworkRecords(f, settings), { kind: 'framework', id: f.id, name: f.name });
    yield;
  }
  for (const agent of current.agents.values()) {
    const { id, hostname } = agent;
    add([...agentRecords(agent, settings), ...names.recordsOfAgent(agent)], { kind: 'agent', id, hostname });
    yield;
  }
  for (const { name = '', addresses, port, protocol, backends } of vips) {
    const records = addresses.map((host) => ({
      name,
      host,
      type: host.includes(':') ? ('AAAA' as const) : ('A' as const),
    }));
    const shown = backends.slice(0, MAX_BACKENDS);
    const texts = shown.map(
      (b) => `${protocol} ${port}: ${b.ip}:${b.port}${b.weight === 0 ? ' (no new connections)' : ''}`,
    );
    add(records, { kind: 'vip', backends: texts });
  }
  return found;
}

function addMasters(
  { leader, masters }: CatalogVersion,
  settings: ZoneSettings,
  add: (records: Iterable<NamedRecord>, origin: Origin) => void,
): void {
  const records = masterRecords(leader, masters, settings);
  const all = leader && !masters.some((m) => m.ip === leader.ip) ? [leader, ...masters] : masters;
  for (const master of all) {
    const leads = master.ip === leader?.ip && master.port === leader.port;
    const own = records.filter((r) => r.host === master.ip || (leads && r.type === 'SRV'));
    add(own, { kind: 'master', address: `${master.ip}:${master.port}`, leads });
  }
}

function listAt(lists: Map<string, Origin[]>, key: string): Origin[] {
  const known = lists.get(key) ?? [];
  lists.set(key, known);
  return known;
}
