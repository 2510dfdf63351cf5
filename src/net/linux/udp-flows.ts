import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { ipText } from '../../core/ip.ts';
import { AF_INET, AF_INET6, EAGAIN, EINTR, MSG_DONTWAIT, SOCK_CLOEXEC } from './constants.ts';
import { systemError } from './libc.ts';
import { PinnedMemory } from './memory.ts';
import { loadStreamCalls } from './tcp/calls.ts';
import type { StreamCalls } from './tcp/calls.ts';

/** A flow of UDP that the kernel brings somewhere else than the client has said. Both as `ip port`, IPv6 as in RFC 5952. */
export interface UdpFlow {
  readonly called: string;
  readonly broughtTo: string;
}

/**
 * Have the kernel forget those flows of UDP for which `ends` says so: their next packet is taken for the first of a new one, and goes where
 * the rules say by then. How many. Rejects where that cannot be had, with the reason. Needs CAP_NET_ADMIN.
 */
export type EndUdpFlows = (families: readonly (4 | 6)[], ends: (flow: UdpFlow) => boolean) => Promise<number>;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;

/** netlink(7): struct nlmsghdr, and after it struct nfgenmsg. */
const HEADER_BYTES = 16;
const GENERIC_BYTES = 4;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;

/** Of linux/netfilter/nfnetlink_conntrack.h. */
const NEW = 0x100;
const GET = 0x101;
const DELETE = 0x102;
const CTA = { ORIGINAL: 1, REPLY: 2, STATUS: 3, ID: 12, ZONE: 18, FILTER: 25, STATUS_MASK: 26 } as const;
const TUPLE = { IP: 1, PROTOCOL: 2 } as const;
const IP = { V4_SOURCE: 1, V4_DESTINATION: 2, V6_SOURCE: 3, V6_DESTINATION: 4 } as const;
const PROTOCOL = { NUMBER: 1, FROM: 2, TO: 3 } as const;
const FILTER = { ORIGINAL_FLAGS: 1, REPLY_FLAGS: 2, BY_PROTOCOL: 1 << 3 } as const;
const NESTED = 0x8000;
const TYPE_BITS = 0x3fff;
const IPS_DST_NAT = 1 << 5;
const UDP = 17;

/** The kernel gives 32 KiB at most at once. */
const BUFFER_BYTES = 64 * 1024;
/** How long is read before everything else gets its turn. */
const SLICE_MS = 4;

export const endUdpFlows: EndUdpFlows = async (families, ends) => {
  const { calls, whyNot } = await loadStreamCalls();
  if (!calls) throw new Error(whyNot);
  const memory = new PinnedMemory(calls, BUFFER_BYTES);
  const open: number[] = [];
  try {
    // What is said to deletions is not to come between the list: nobody reads it.
    const [list, deletions] = [openNetlink(calls, open), openNetlink(calls, open)];
    let ended = 0;
    let began = performance.now();
    for (const family of families.map((version) => (version === 4 ? AF_INET : AF_INET6))) {
      send(calls, memory, list, listRequest(family));
      for (let whole = false; !whole;) {
        const read = receive(calls, memory, list);
        for (const entry of read.entries) {
          const flow = flowOf(entry);
          if (flow === undefined || !ends(flow)) continue;
          send(calls, memory, deletions, deleteRequest(entry, family));
          ended++;
        }
        whole = read.whole;
        if (performance.now() - began < SLICE_MS) continue;
        await new Promise<void>((resolve) => void setImmediate(resolve));
        began = performance.now();
      }
    }
    return ended;
  } finally {
    for (const fd of open) calls.close(fd);
  }
};

function openNetlink(calls: StreamCalls, open: number[]): number {
  const fd = calls.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) throw systemError('socket', calls.errno());
  open.push(fd);
  return fd;
}

function send(calls: StreamCalls, memory: PinnedMemory, fd: number, request: Buffer): void {
  memory.bytes.set(request);
  if (calls.send(fd, memory.pointer(0), request.length, 0) < 0) throw systemError('send', calls.errno());
}

/** The next entries of the list, and whether it is whole with them. */
function receive(
  calls: StreamCalls,
  memory: PinnedMemory,
  fd: number,
): { readonly entries: readonly Buffer[]; readonly whole: boolean } {
  let size = -1;
  do size = calls.recv(fd, memory.pointer(0), BUFFER_BYTES, MSG_DONTWAIT);
  while (size < 0 && calls.errno() === EINTR);
  if (size <= 0) throw systemError('recv', size === 0 ? EAGAIN : calls.errno());
  // A copy: requests are written to the same place.
  const all = Buffer.from(memory.bytes.subarray(0, size));
  const entries: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= size;) {
    const [length, type] = [all.readUInt32LE(at), all.readUInt16LE(at + 4)];
    if (type === NLMSG_DONE) return { entries, whole: true };
    if (type === NLMSG_ERROR) throw refusal(all.readInt32LE(at + HEADER_BYTES));
    if (type === NEW) entries.push(all.subarray(at + HEADER_BYTES + GENERIC_BYTES, at + length));
    at += Math.max(HEADER_BYTES, (length + 3) & ~3);
  }
  return { entries, whole: false };
}

function refusal(code: number): Error {
  return new Error(`conntrack ${getSystemErrorName(code)}: ${getSystemErrorMessage(code)}`);
}

/** Of flows whose destination was translated those of UDP, where the kernel knows how to choose (5.8 and later); else of all. */
function listRequest(family: number): Buffer {
  const flags = attribute(FILTER.ORIGINAL_FLAGS, Buffer.from(Uint32Array.of(FILTER.BY_PROTOCOL).buffer));
  const none = attribute(FILTER.REPLY_FLAGS, Buffer.alloc(4));
  const udp = attribute(TUPLE.PROTOCOL | NESTED, attribute(PROTOCOL.NUMBER, Buffer.of(UDP)));
  return message(GET, NLM_F_REQUEST | NLM_F_DUMP, family, [
    attribute(CTA.ORIGINAL | NESTED, udp),
    attribute(CTA.FILTER | NESTED, Buffer.concat([flags, none])),
    attribute(CTA.STATUS, Buffer.of(0, 0, 0, IPS_DST_NAT)),
    attribute(CTA.STATUS_MASK, Buffer.of(0, 0, 0, IPS_DST_NAT)),
  ]);
}

/** By its number too: another flow may have the same addresses and ports meanwhile. */
function deleteRequest(entry: Buffer, family: number): Buffer {
  const said = [CTA.ORIGINAL, CTA.ID, CTA.ZONE].flatMap((type) => {
    const value = find(entry, type);
    return value === undefined ? [] : [attribute(type === CTA.ORIGINAL ? type | NESTED : type, value)];
  });
  return message(DELETE, NLM_F_REQUEST, family, said);
}

function message(type: number, flags: number, family: number, attributes: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + GENERIC_BYTES);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header[HEADER_BYTES] = family;
  const whole = Buffer.concat([header, ...attributes]);
  whole.writeUInt32LE(whole.length, 0);
  return whole;
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

/** The value of an attribute of this type. */
function find(bytes: Buffer | undefined, type: number): Buffer | undefined {
  if (bytes === undefined) return undefined;
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = Math.max(4, bytes.readUInt16LE(at));
    if ((bytes.readUInt16LE(at + 2) & TYPE_BITS) === type) return bytes.subarray(at + 4, at + length);
    at += (length + 3) & ~3;
  }
  return undefined;
}

function flowOf(entry: Buffer): UdpFlow | undefined {
  const [original, reply] = [find(entry, CTA.ORIGINAL), find(entry, CTA.REPLY)];
  const [there, back] = [find(original, TUPLE.PROTOCOL), find(reply, TUPLE.PROTOCOL)];
  if (find(there, PROTOCOL.NUMBER)?.[0] !== UDP) return undefined;
  const [to, from] = [find(original, TUPLE.IP), find(reply, TUPLE.IP)];
  return {
    called: text(find(to, IP.V4_DESTINATION) ?? find(to, IP.V6_DESTINATION), find(there, PROTOCOL.TO)),
    broughtTo: text(find(from, IP.V4_SOURCE) ?? find(from, IP.V6_SOURCE), find(back, PROTOCOL.FROM)),
  };
}

function text(ip: Buffer | undefined, port: Buffer | undefined): string {
  return `${ip ? ipText(ip) : ''} ${port?.readUInt16BE(0)}`;
}
