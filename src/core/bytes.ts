/**
 * A copy of a range of bytes. `slice` is not to be used for this on bytes of unknown origin: that of a Buffer gives a
 * view, which changes with the read buffer below it.
 */
export function copyOf(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, start, end);
}
