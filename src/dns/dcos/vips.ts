import type { VipNameChange, Vips } from '../../cluster/vips/index.ts';
import type { Change, Publisher } from '../zone/publisher.ts';
import { addresses } from '../zone/records.ts';
import type { ZoneRecord } from '../zone/records.ts';
import { DCOS_TTL_SECONDS } from './zones.ts';

const NO_CHANGE: Change = { before: [], after: [] };

/** Publishes the names of VIPs with their addresses (dcos-net.md §5, §6). Who is behind them is not for DNS to say. */
export class DcosVips implements Publisher {
  readonly name = 'dcos-vips';
  readonly #vips: Pick<Vips, 'work' | 'takeNames'>;

  constructor(vips: Pick<Vips, 'work' | 'takeNames'>) {
    this.#vips = vips;
  }

  /** What a step of the catalog means has been waiting there, or was taken in already; a pause now and then, for steps are large. */
  *step(): Generator<Change> {
    while (this.#vips.work()) yield NO_CHANGE;
    for (const change of this.#vips.takeNames())
      yield { before: records(change, change.before), after: records(change, change.after) };
  }
}

function records({ name }: VipNameChange, ips: readonly string[]): ZoneRecord[] {
  return addresses(name, ips).map((record) => ({ ...record, ttlSeconds: DCOS_TTL_SECONDS }));
}
