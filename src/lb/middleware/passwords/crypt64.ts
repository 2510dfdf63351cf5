const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The alphabet and order of crypt(3): groups of three octets (by index, -1: none), least significant six bits first. */
export function crypt64(bytes: Uint8Array, groups: readonly (readonly [number, number, number])[]): string {
  let text = '';
  for (const group of groups) {
    let value = 0;
    for (const i of group) value = (value << 8) | (i < 0 ? 0 : (bytes[i] ?? 0));
    const digits = 4 - group.filter((i) => i < 0).length;
    for (let d = 0; d < digits; d++) text += DIGITS[(value >>> (6 * d)) & 63] ?? '';
  }
  return text;
}
