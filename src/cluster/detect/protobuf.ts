/** Messages that we read are small; more than this is not one of them. */
const MAX_BYTES = 1024 * 1024;

/**
 * The fields of one protobuf message by number, the last of each: numbers as bigint, strings and messages as bytes.
 * Fixed-width fields are skipped. Undefined when the bytes are no message. Total and linear.
 */
export function readFields(bytes: Uint8Array): ReadonlyMap<number, bigint | Uint8Array> | undefined {
  if (bytes.length > MAX_BYTES) return undefined;
  const fields = new Map<number, bigint | Uint8Array>();
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined) return undefined;
    const field = Number(tag >> 3n);
    const wire = Number(tag & 7n);
    if (field === 0) return undefined;
    if (wire === 0) {
      const value = varint();
      if (value === undefined) return undefined;
      fields.set(field, value);
      continue;
    }
    const length = wire === 1 ? 8n : wire === 5 ? 4n : wire === 2 ? varint() : undefined;
    if (length === undefined || length > BigInt(bytes.length - at)) return undefined;
    if (wire === 2) fields.set(field, bytes.subarray(at, at + Number(length)));
    at += Number(length);
  }
  return fields;
}
