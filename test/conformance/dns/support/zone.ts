import type { EdgeUnderTest } from './edge.ts';

/** What /v1/axfr tells. */
export interface Transfer {
  readonly TTL: number;
  readonly Serial: number;
  readonly Mname: string;
  readonly Rname: string;
  readonly Domain: string;
  readonly Records: Readonly<Record<'As' | 'AAAAs' | 'SRVs', Readonly<Record<string, readonly string[]>>>>;
}

export type ZoneType = 'A' | 'AAAA' | 'SRV';

const KEYS = { A: 'As', AAAA: 'AAAAs', SRV: 'SRVs' } as const;

/** The zone as our HTTP API tells it: the truth that answers are compared with. */
export class ZoneView {
  readonly transfer: Transfer;
  /** Names that own records, with their types. */
  readonly owners = new Map<string, Set<ZoneType>>();
  /** Names that own nothing and have names below them (RFC 4592 §2.2.2). */
  readonly empty: readonly string[];

  constructor(transfer: Transfer) {
    this.transfer = transfer;
    const above = new Set<string>();
    for (const type of ['A', 'AAAA', 'SRV'] as const) {
      for (const name of Object.keys(transfer.Records[KEYS[type]])) {
        this.owners.set(name, (this.owners.get(name) ?? new Set()).add(type));
        for (let at = name.indexOf('.') + 1; at > 0 && at < name.length; at = name.indexOf('.', at) + 1)
          above.add(name.slice(at));
      }
    }
    const apex = `${transfer.Domain}.`;
    this.empty = [...above].filter((name) => name.endsWith(`.${apex}`) && !this.owners.has(name));
  }

  static async of(edge: EdgeUnderTest): Promise<ZoneView> {
    return new ZoneView((await edge.http('/v1/axfr')).json as Transfer);
  }

  /** As a master file (RFC 1035 §5), with the records that the API does not list: SOA and NS of the apex. */
  masterFile(soa: string): string {
    const { TTL, Domain, Mname, Records } = this.transfer;
    const lines = [`$TTL ${TTL}`, `${Domain}. SOA ${soa}`, `${Domain}. NS ${Mname}`];
    for (const [name, ips] of Object.entries(Records.As)) for (const ip of ips) lines.push(`${name} A ${ip}`);
    for (const [name, ips] of Object.entries(Records.AAAAs))
      for (const ip of ips) lines.push(`${name} AAAA ${ip}`);
    for (const [name, targets] of Object.entries(Records.SRVs))
      for (const t of targets) lines.push(`${name} SRV 0 1 ${t.replace(/^(.*):(\d+)$/, '$2 $1')}`);
    return `${lines.join('\n')}\n`;
  }
}
