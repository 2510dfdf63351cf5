const DOT = 46;

/** The 4 bytes of an IPv4 address in dotted-quad form, undefined when it is none. */
export function ipv4Bytes(text: string): Uint8Array | undefined {
  // Digit by digit: every address of every task of a cluster comes through here.
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = -1;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : DOT;
    if (c === DOT) {
      if (value < 0 || part === 4) return undefined;
      bytes[part++] = value;
      value = -1;
      continue;
    }
    const digit = c - 48;
    // A zero stands alone.
    if (digit < 0 || digit > 9 || value === 0) return undefined;
    value = value < 0 ? digit : value * 10 + digit;
    if (value > 255) return undefined;
  }
  return part === 4 ? bytes : undefined;
}

/** The 16 bytes of an IPv6 address (RFC 4291 §2.2), without zone index and brackets. */
export function ipv6Bytes(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(':')) return undefined;
  const halves = text.split('::');
  // A dotted quad may stand at the very end only, not before `::`.
  if (halves.length > 2 || (halves.length === 2 && halves[0]?.includes('.'))) return undefined;
  const head = groups(halves[0] ?? '');
  const tail = groups(halves[1] ?? '');
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const words = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return Uint8Array.from(words.flatMap((w) => [w >> 8, w & 0xff]));
}

/**
 * The bytes of an IP literal: 4 or 16, undefined when it is none. IPv4 in IPv6 clothes (`::ffff:192.0.2.1`) is IPv4, as Mesos-DNS
 * has it.
 */
export function ipBytes(text: string): Uint8Array | undefined {
  const v4 = ipv4Bytes(text);
  if (v4) return v4;
  const v6 = ipv6Bytes(text);
  const mapped = v6 && v6.every((b, i) => i >= 12 || b === (i < 10 ? 0 : 0xff));
  return mapped ? v6.slice(12) : v6;
}

/** `a:b:1.2.3.4` as 16-bit words. */
function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const words: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    const v4 = i === parts.length - 1 && part.includes('.') ? ipv4Bytes(part) : undefined;
    if (v4) words.push(((v4[0] ?? 0) << 8) | (v4[1] ?? 0), ((v4[2] ?? 0) << 8) | (v4[3] ?? 0));
    else if (/^[0-9a-f]{1,4}$/i.test(part)) words.push(parseInt(part, 16));
    else return undefined;
  }
  return words;
}

/** The text of 16 address bytes (RFC 5952): the first longest run of zeros is `::`. */
export function ipv6Text(bytes: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  let [from, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && words[i + n] === 0) n++;
    if (n > length) [from, length] = [i, n];
  }
  const hex = words.map((w) => w.toString(16));
  if (from < 0) return hex.join(':');
  return `${hex.slice(0, from).join(':')}::${hex.slice(from + length).join(':')}`;
}

/** The text of an address of 4 or 16 bytes. */
export function ipText(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join('.') : ipv6Text(bytes);
}

export function isIPv4(text: string): boolean {
  return ipv4Bytes(text) !== undefined;
}

export function isIPv6(text: string): boolean {
  return ipv6Bytes(text) !== undefined;
}

/** Whether `text` is an IP literal of either family. */
export function isIp(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}
