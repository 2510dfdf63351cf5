import { copyOf, join } from './bytes.ts';
import { TYPE } from './constants.ts';
import { encodeName, encodedName, nameBytes, readName } from './name.ts';
import type { Cursor } from './name.ts';

/**
 * Where names stand in the data of the types that older servers compress (RFC 3597 §4): so many fixed bytes first, then so many
 * names, then the rest.
 */
const NAMES_IN_RDATA: ReadonlyMap<number, { readonly skip: number; readonly names: number }> = new Map([
  [TYPE.NS, { skip: 0, names: 1 }],
  [TYPE.CNAME, { skip: 0, names: 1 }],
  [TYPE.PTR, { skip: 0, names: 1 }],
  [TYPE.DNAME, { skip: 0, names: 1 }],
  [TYPE.MX, { skip: 2, names: 1 }],
  [TYPE.SRV, { skip: 6, names: 1 }],
  [TYPE.SOA, { skip: 0, names: 2 }],
]);

/** Read `length` bytes of record data at the cursor, names in it written out. Undefined when they do not fit their type. */
export function readRdata(cursor: Cursor, type: number, length: number): Uint8Array | undefined {
  const { bytes } = cursor;
  const end = cursor.offset + length;
  if (end > bytes.length) return undefined;
  const layout = NAMES_IN_RDATA.get(type);
  if (!layout || length === 0) {
    const data = copyOf(bytes, cursor.offset, end);
    cursor.offset = end;
    return data;
  }
  const parts: Uint8Array[] = [copyOf(bytes, cursor.offset, cursor.offset + layout.skip)];
  cursor.offset += layout.skip;
  for (let i = 0; i < layout.names; i++) {
    const name = readName(cursor);
    const written = name === undefined ? undefined : nameBytes(name);
    if (!written || cursor.offset > end) return undefined;
    parts.push(written);
  }
  parts.push(copyOf(bytes, cursor.offset, end));
  cursor.offset = end;
  return join(parts);
}

/** RFC 2782. The target is never compressed: strict clients refuse it. Undefined when the target has no wire form. */
export function srvRdata(
  priority: number,
  weight: number,
  port: number,
  target: string,
): Uint8Array | undefined {
  const length = encodeName(target);
  if (length === 0) return undefined;
  const data = new Uint8Array(6 + length);
  data[0] = priority >> 8;
  data[1] = priority;
  data[2] = weight >> 8;
  data[3] = weight;
  data[4] = port >> 8;
  data[5] = port;
  for (let i = 0; i < length; i++) data[6 + i] = encodedName[i] as number;
  return data;
}

export interface Soa {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** RFC 1035 §3.3.13. Undefined when a name has no wire form. */
export function soaRdata(soa: Soa): Uint8Array | undefined {
  const mname = nameBytes(soa.mname);
  const rname = nameBytes(soa.rname);
  if (!mname || !rname) return undefined;
  const numbers = new Uint8Array(20);
  const view = new DataView(numbers.buffer);
  [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum].forEach((n, i) => view.setUint32(4 * i, n));
  return join([mname, rname, numbers]);
}
