import { ipv4Bytes, ipv6Bytes } from '../../core/ip.ts';

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
