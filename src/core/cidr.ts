import { ipBytes, ipText } from './ip.ts';

/** A network as an operator writes it, or what is wrong with it, for a person. */
export type ParsedCidr =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly bits: number }
  | { readonly ok: false; readonly reason: string };

/**
 * Read `10.0.0.0/8`, `2001:db8::/32` or a plain address, which is a network of one. IPv4 in IPv6 clothes (`::ffff:10.0.0.0/104`) is
 * IPv4. Bits behind the prefix must be zero: somebody who writes `10.1.2.3/8` may have meant another network.
 */
export function parseCidr(text: string): ParsedCidr {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const bytes = ipBytes(address);
  if (!bytes) return wrong(`'${text}' is not a network; write 10.0.0.0/8, 2001:db8::/32 or an IP address`);
  const mapped = bytes.length === 4 && address.includes(':');
  const width = mapped ? 128 : bytes.length * 8;
  const prefix = slash < 0 ? String(width) : text.slice(slash + 1);
  const written = /^(0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : -1;
  if (written < 0 || written > width)
    return wrong(`'${text}': behind the slash stands a number of bits from 0 to ${width}`);
  const bits = mapped ? written - 96 : written;
  if (bits < 0) return wrong(`'${text}' mixes IPv4 and IPv6; write the IPv4 network itself`);
  const network = masked(bytes, bits);
  if (network.some((b, i) => b !== bytes[i]))
    return wrong(`'${text}' has bits behind its prefix; write ${ipText(network)}/${bits}`);
  return { ok: true, bytes, bits };
}

function wrong(reason: string): ParsedCidr {
  return { ok: false, reason };
}

/** An address of which only the first bits are left. */
export function masked(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((b, i) => b & maskByte(bits - 8 * i));
}

function maskByte(bits: number): number {
  return bits >= 8 ? 0xff : bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}
