import { ipText, ipv4Bytes, ipv6Bytes } from '../../../core/ip.ts';
import type { VipRange } from '../../../cluster/vips/index.ts';

/** The fewest CIDR blocks that are exactly this range; both ends of one family. */
export function cidrsOf({ first, last }: VipRange): string[] {
  const bytes = first.includes(':') ? 16 : 4;
  const bits = bytes * 8;
  const end = toNumber(last);
  const blocks: string[] = [];
  for (let at = toNumber(first); at <= end;) {
    let free = 0;
    // As long as the block of twice the size begins here too, and ends within the range.
    while (free < bits && (at >> BigInt(free)) % 2n === 0n && at + (1n << BigInt(free + 1)) - 1n <= end)
      free++;
    blocks.push(`${toText(at, bytes)}/${bits - free}`);
    at += 1n << BigInt(free);
  }
  return blocks;
}

function toNumber(ip: string): bigint {
  const bytes = ipv4Bytes(ip) ?? ipv6Bytes(ip) ?? new Uint8Array();
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

function toText(value: bigint, size: number): string {
  return ipText(
    Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn)),
  );
}
