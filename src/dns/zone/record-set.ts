import { TYPE, isName, srvRdata } from '../wire/index.ts';
import { ipBytes } from './ip.ts';
import type { ZoneRecord } from './records.ts';

/** One record of a set, ready to be copied into a message. */
export interface Entry {
  readonly type: number;
  readonly rdata: Uint8Array;
  /** Of SRV records, lower-case. */
  readonly target: string | undefined;
}

interface Counted {
  /** How many tasks, agents … give this same record. */
  count: number;
  /** Undefined when the record cannot be said in DNS (a label over 63 bytes, say); the HTTP API lists it all the same. */
  readonly entry: Entry | undefined;
}

/** All records of one name and type. A value is there once, however many give it. */
export class RecordSet {
  readonly #values = new Map<string, Counted>();
  #entries: readonly Entry[] | undefined;

  /** True when the value is new. */
  add(record: ZoneRecord, srvWeight: number): boolean {
    const known = this.#values.get(record.host);
    if (known) {
      known.count++;
      return false;
    }
    this.#values.set(record.host, { count: 1, entry: entryOf(record, srvWeight) });
    this.#entries = undefined;
    return true;
  }

  /** True when the value is gone. */
  remove(record: ZoneRecord): boolean {
    const known = this.#values.get(record.host);
    if (!known || --known.count > 0) return false;
    this.#values.delete(record.host);
    this.#entries = undefined;
    return true;
  }

  get size(): number {
    return this.#values.size;
  }

  /** The values as text: IPs, or `target:port`. */
  hosts(): string[] {
    return [...this.#values.keys()];
  }

  /** What DNS can say of it. The list holds until the set changes; do not change it. */
  get entries(): readonly Entry[] {
    this.#entries ??= [...this.#values.values()].flatMap((v) => v.entry ?? []);
    return this.#entries;
  }
}

function entryOf(record: ZoneRecord, srvWeight: number): Entry | undefined {
  if (record.type === 'SRV') {
    const { target, port } = splitSrv(record.host);
    // Numbers outside of 16 bits come from task descriptions; Mesos-DNS takes the low bits.
    const rdata = srvRdata(0, srvWeight, port & 0xffff, target.toLowerCase());
    return rdata && { type: TYPE.SRV, rdata, target: target.toLowerCase() };
  }
  const rdata = ipBytes(record.host);
  return rdata && { type: rdata.length === 4 ? TYPE.A : TYPE.AAAA, rdata, target: undefined };
}

/** `web.marathon.mesos.:31000` in its two parts. */
export function splitSrv(host: string): { readonly target: string; readonly port: number } {
  const colon = host.lastIndexOf(':');
  return { target: host.slice(0, colon), port: Number(host.slice(colon + 1)) };
}

/** Why a record cannot be said in DNS, or undefined. */
export function unservable(record: ZoneRecord): string | undefined {
  const names = record.type === 'SRV' ? [record.name, splitSrv(record.host).target] : [record.name];
  const bad = names.find((n) => !isName(n));
  return bad === undefined ? undefined : `'${bad}' is no DNS name: ${problem(bad)}`;
}

function problem(name: string): string {
  const labels = name.replace(/\.$/, '').split('.');
  const long = labels.find((l) => l.length > 63);
  if (long !== undefined) return `the label '${long}' has ${long.length} characters, at most 63 are allowed`;
  if (labels.includes('')) return 'it has an empty label';
  if (name.length > 254) return `it has ${name.length} characters, at most 254 are allowed`;
  return 'it has characters that are not printable ASCII';
}
