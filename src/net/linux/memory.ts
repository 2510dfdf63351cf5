import { ipv4Bytes, ipv6Bytes } from '../../core/ip.ts';
import { AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, IPV6_PKTINFO, IP_PKTINFO } from './constants.ts';
import { PKTINFO, SOCKADDR } from './constants.ts';
import type { Libc } from './libc.ts';

const LINE_BYTES = 64;

/** Memory at a known place that the kernel reads and writes. */
export class PinnedMemory {
  readonly bytes: Uint8Array;
  /** The same bytes as little-endian words; `words[i]` are `bytes[4i, 4i+4)`. */
  readonly words: Int32Array;
  readonly #address: number;

  constructor(libc: Pick<Libc, 'addressOf'>, size: number) {
    const buffer = new ArrayBuffer(size + LINE_BYTES);
    const address = libc.addressOf(buffer);
    const skip = (LINE_BYTES - (address % LINE_BYTES)) % LINE_BYTES;
    this.bytes = new Uint8Array(buffer, skip, size);
    this.words = new Int32Array(buffer, skip, size >> 2);
    this.#address = address + skip;
  }

  /** The pointer to `bytes[at]`. */
  pointer(at: number): number {
    return this.#address + at;
  }

  /** Store the pointer to `bytes[target]` in words `at` and `at + 1`. */
  putPointer(at: number, target: number): void {
    const pointer = this.#address + target;
    this.words[at] = pointer | 0; // the low 32 bits
    this.words[at + 1] = Math.floor(pointer / 2 ** 32);
  }
}

/** 16 bytes for a socket of family 6: IPv4 in IPv6 clothes. Undefined when `text` is no address that the family can have. */
function bytesFor(family: 4 | 6, text: string): Uint8Array | undefined {
  const v4 = ipv4Bytes(text);
  if (family === 4) return v4;
  return v4 ? Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...v4) : ipv6Bytes(text);
}

/**
 * Write a sockaddr at `at` (zeroed before); returns its length, 0 when `ip` does not fit the family. A link-local address
 * may end in `%` and the number of the interface.
 */
export function putSockaddr(
  memory: PinnedMemory,
  at: number,
  family: 4 | 6,
  to: { ip: string; port: number },
): number {
  const [ip = '', zone] = to.ip.split('%');
  const address = bytesFor(family, ip);
  if (!address) return 0;
  const { bytes } = memory;
  bytes.fill(0, at, at + SOCKADDR.V6_BYTES);
  bytes[at + SOCKADDR.FAMILY] = family === 4 ? AF_INET : AF_INET6;
  bytes[at + SOCKADDR.PORT] = to.port >> 8;
  bytes[at + SOCKADDR.PORT + 1] = to.port;
  bytes.set(address, at + (family === 4 ? SOCKADDR.V4 : SOCKADDR.V6));
  if (family === 4) return SOCKADDR.V4_BYTES;
  memory.words[(at + SOCKADDR.SCOPE) >> 2] = Number(zone ?? 0);
  return SOCKADDR.V6_BYTES;
}

/** Write a control message at `at` that has a datagram leave from `local`; returns its length, 0 when that does not fit the family. */
export function putPacketInfo(memory: PinnedMemory, at: number, family: 4 | 6, local: string): number {
  const address = bytesFor(family, local.split('%')[0] ?? '');
  if (!address) return 0;
  const { bytes, words } = memory;
  const length = family === 4 ? PKTINFO.V4_BYTES : PKTINFO.V6_BYTES;
  bytes.fill(0, at, at + length);
  words[(at + PKTINFO.LENGTH) >> 2] = length;
  words[(at + PKTINFO.LEVEL) >> 2] = family === 4 ? IPPROTO_IP : IPPROTO_IPV6;
  words[(at + PKTINFO.TYPE) >> 2] = family === 4 ? IP_PKTINFO : IPV6_PKTINFO;
  bytes.set(address, at + (family === 4 ? PKTINFO.V4_LOCAL : PKTINFO.V6_LOCAL));
  return length;
}

/** Whether 16 bytes are a link-local IPv6 address (fe80::/10), which means something at one interface only. */
export function isLinkLocal(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xfe && ((bytes[at + 1] as number) & 0xc0) === 0x80;
}
