/** The 4 bytes of an IPv4 address in dotted-quad form, undefined when it is none. */
export function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) < 256))
    return undefined;
  return Uint8Array.from(parts.map(Number));
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
