import type { CatalogDiff, CatalogVersion } from '../../cluster/index.ts';
import type { Change, Publisher } from '../zone/publisher.ts';
import { addresses } from '../zone/records.ts';
import type { RecordType, ZoneRecord } from '../zone/records.ts';
import { DCOS_DOMAIN, DCOS_TTL_SECONDS } from './zones.ts';

export interface StaticNamesSettings {
  /** Of ZooKeeper; empty for those of the masters. */
  readonly zkAddresses: readonly string[];
  /** Names below `thisdcos.directory`, and what they stand for; no dots at the ends. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** Software of DC/OS expects `zk-1` to `zk-5` however many servers there are. */
const ZK_NAMES = 5;

/** Names that clients of DC/OS know by heart (dcos-net.md §2): of this resolver, of ZooKeeper, and aliases of the operator's own. */
export class DcosStaticNames implements Publisher {
  readonly name = 'dcos-static';
  readonly #settings: StaticNamesSettings;
  #started = false;
  #zk: readonly ZoneRecord[] = [];

  constructor(settings: StaticNamesSettings) {
    this.#settings = settings;
  }

  step(next: CatalogVersion, diff: CatalogDiff): Iterable<Change> {
    const changes: Change[] = [];
    if (!this.#started) changes.push({ before: [], after: this.#fixed() });
    this.#started = true;
    if (diff.mastersChanged && this.#settings.zkAddresses.length === 0) {
      const after = zkRecords(mastersOf(next));
      changes.push({ before: this.#zk, after });
      this.#zk = after;
    }
    return changes;
  }

  #fixed(): ZoneRecord<RecordType>[] {
    const aliases = Object.entries(this.#settings.aliases).map(([name, target]) => ({
      name: `${name}.${DCOS_DOMAIN}.`,
      host: `${target}.`,
      type: 'CNAME' as const,
      ttlSeconds: DCOS_TTL_SECONDS,
    }));
    return [
      // The watchdog of a node asks for this one to learn whether its resolver works.
      ...at('ready.spartan.', ['127.0.0.1']),
      ...at('ns.spartan.', ['198.51.100.1']),
      ...at('localhost.', ['127.0.0.1', '::1']),
      ...zkRecords(this.#settings.zkAddresses),
      ...aliases,
    ];
  }
}

function mastersOf({ masters, leader }: CatalogVersion): readonly string[] {
  return [...new Set([...masters, ...(leader ? [leader] : [])].map((m) => m.ip))];
}

/** The list is repeated until every name has an address. */
function zkRecords(ips: readonly string[]): ZoneRecord[] {
  if (ips.length === 0) return [];
  return Array.from({ length: ZK_NAMES }, (_, i) => ips[i % ips.length] as string).flatMap((ip, i) =>
    at(`zk-${i + 1}.zk.`, [ip]),
  );
}

function at(name: string, ips: readonly string[]): ZoneRecord[] {
  return addresses(name, ips).map((r) => ({ ...r, ttlSeconds: DCOS_TTL_SECONDS }));
}
