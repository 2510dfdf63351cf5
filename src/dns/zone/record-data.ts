import { ipv6Text } from '../../core/ip.ts';
import { TYPE, nameBytes, srvRdata, textOfName } from '../wire/index.ts';
import { ipBytes } from '../../core/ip.ts';
import type { RecordType, ZoneRecord } from './records.ts';

/** A record as the table keeps it. */
export interface RecordData {
  readonly type: number;
  readonly data: Uint8Array;
}

/** The wire form of a record's data, or undefined when DNS cannot say it (a target with a label over 63 bytes, say). */
export function recordData(record: ZoneRecord<RecordType>, srvWeight: number): RecordData | undefined {
  switch (record.type) {
    case 'A':
    case 'AAAA': {
      const data = ipBytes(record.host);
      return data && { type: data.length === 4 ? TYPE.A : TYPE.AAAA, data };
    }
    case 'SRV': {
      const { target, port } = splitSrv(record.host);
      // Numbers outside of 16 bits come from task descriptions; Mesos-DNS takes the low bits.
      const weight = record.weight ?? srvWeight;
      const data = srvRdata(record.priority ?? 0, weight, port & 0xffff, target.toLowerCase());
      return data && { type: TYPE.SRV, data };
    }
    case 'CNAME':
    case 'PTR': {
      const data = nameBytes(record.host.toLowerCase());
      return data && { type: TYPE[record.type], data };
    }
    case 'TXT':
      return { type: TYPE.TXT, data: textData(record.host) };
  }
}

/** As `recordData`; of several records in a row that say the same, as those of a task do, only the first one is made. */
export class LastRecordData {
  readonly #srvWeight: number;
  #type: RecordType | undefined;
  #host = '';
  #weight: number | undefined;
  #priority: number | undefined;
  #said: RecordData | undefined;

  constructor(srvWeight: number) {
    this.#srvWeight = srvWeight;
  }

  of(record: ZoneRecord<RecordType>): RecordData | undefined {
    const { type, host, weight, priority } = record;
    const same =
      type === this.#type && host === this.#host && weight === this.#weight && priority === this.#priority;
    if (same) return this.#said;
    this.#said = recordData(record, this.#srvWeight);
    this.#type = type;
    this.#host = host;
    this.#weight = weight;
    this.#priority = priority;
    return this.#said;
  }
}

/** RFC 1035 §3.3.14: strings of at most 255 bytes each. */
function textData(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const out: number[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += 255) {
    const part = bytes.subarray(at, at + 255);
    out.push(part.length, ...part);
  }
  return Uint8Array.from(out);
}

/** `web.marathon.mesos.:31000` in its two parts. */
export function splitSrv(host: string): { readonly target: string; readonly port: number } {
  const colon = host.lastIndexOf(':');
  return { target: host.slice(0, colon), port: Number(host.slice(colon + 1)) };
}

/** Why a record cannot be said in DNS, or undefined. */
export function unservable(record: ZoneRecord<RecordType>): string | undefined {
  const names = [record.name];
  if (record.type === 'SRV') names.push(splitSrv(record.host).target);
  else if (record.type === 'CNAME' || record.type === 'PTR') names.push(record.host);
  const bad = names.find((n) => nameBytes(n) === undefined);
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

/** A record's data as text, the way `ZoneRecord.host` has it. */
export function textOfData(type: RecordType, data: Uint8Array): string {
  switch (type) {
    case 'A':
      return data.join('.');
    case 'AAAA':
      return ipv6Text(data);
    case 'SRV':
      return `${textOfName(data, 6)}:${((data[4] as number) << 8) | (data[5] as number)}`;
    case 'CNAME':
    case 'PTR':
      return textOfName(data);
    case 'TXT': {
      const parts: Uint8Array[] = [];
      for (let at = 0; at < data.length; at += 1 + (data[at] as number))
        parts.push(data.subarray(at + 1, at + 1 + (data[at] as number)));
      return parts.map((part) => new TextDecoder().decode(part)).join('');
    }
  }
}
