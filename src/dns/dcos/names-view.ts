import type { Zone, ZoneRecord } from '../zone/index.ts';
import type { RecordType } from '../zone/index.ts';
import type { DcosAlias } from './zones.ts';

/** What the REST API asks of a zone. */
type ZoneView = Pick<Zone, 'ready' | 'lookup' | 'records'>;

const MAX_CHAIN = 8;

/** The names of a zone as a question over DNS finds them: other names of zones count, and aliases lead where they lead. */
export class NamesView {
  readonly #zone: ZoneView;
  readonly #apexes: readonly string[];
  readonly #aliases: readonly DcosAlias[];

  /** `apexes`, absolute, are the zones whose records are listed. */
  constructor(zone: ZoneView, apexes: readonly string[], aliases: readonly DcosAlias[]) {
    this.#zone = zone;
    this.#apexes = apexes;
    this.#aliases = aliases;
  }

  /** Everything that is known of the cluster has been published. */
  get ready(): boolean {
    return this.#zone.ready;
  }

  lookup(given: string, type: 'A' | 'SRV'): readonly string[] {
    let name = this.#renamed(given);
    for (let hop = 0; hop <= MAX_CHAIN; hop++) {
      const found = this.#zone.lookup(name, type);
      if (found.kind === 'answer') return found.values;
      const alias = this.#zone.lookup(name, 'CNAME');
      if (alias.kind !== 'answer') return [];
      name = alias.values[0] ?? '';
    }
    return [];
  }

  *records(): Generator<ZoneRecord<RecordType>> {
    for (const record of this.#zone.records())
      if (this.#apexes.some((apex) => record.name === apex || record.name.endsWith(`.${apex}`))) yield record;
  }

  #renamed(name: string): string {
    const alias = this.#aliases.find(({ from }) => `.${name}`.endsWith(`.${from}.`));
    return alias ? `${name.slice(0, -alias.from.length - 1)}${alias.to}.` : name;
  }
}
