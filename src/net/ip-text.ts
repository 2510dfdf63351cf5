import { ipv6Text } from '../core/ip.ts';

/** The text of the 4 or 16 bytes of an address at `bytes[at]` (RFC 5952); IPv4 in IPv6 clothes is IPv4 (RFC 4291 §2.5.5.2). */
export function ipText(bytes: Uint8Array, at: number, size: 4 | 16): string {
  if (size === 4) return bytes.subarray(at, at + 4).join('.');
  const mapped = bytes.subarray(at, at + 12).every((b, i) => b === (i < 10 ? 0 : 0xff));
  return mapped ? bytes.subarray(at + 12, at + 16).join('.') : ipv6Text(bytes.subarray(at, at + 16));
}
