/**
 * A copy of a part. Not `slice`: on the Buffers that sockets hand out, that is a view of memory which is used again.
 */
export function copyOf(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  const part = bytes.subarray(from, to);
  const copy = new Uint8Array(part.length);
  copy.set(part);
  return copy;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    all.set(p, at);
    at += p.length;
  }
  return all;
}

/** The 32 bits at `at`, in network order, as a signed number; four bytes must be inside. `>>> 0` makes it unsigned. */
export function i32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** The 16-bit number at `at`, which must be inside. */
export function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** A view of the same bytes, for reading and writing several of them at once. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Copy `length` bytes, four at a time. For the few bytes of a record, where `Uint8Array.set` costs more than it copies. */
export function copyInto(to: DataView, toAt: number, from: DataView, fromAt: number, length: number): void {
  let i = 0;
  for (; i + 4 <= length; i += 4) to.setInt32(toAt + i, from.getInt32(fromAt + i, true), true);
  if ((length & 2) !== 0) {
    to.setInt16(toAt + i, from.getInt16(fromAt + i));
    i += 2;
  }
  if ((length & 1) !== 0) to.setInt8(toAt + i, from.getInt8(fromAt + i));
}
