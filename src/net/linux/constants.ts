/**
 * Numbers and layouts of the kernel interface, the same on x86-64 and arm64: little-endian, pointers of 8 bytes. `libc.ts` refuses
 * every other machine.
 */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
/** Tasks that this process starts must not inherit its sockets. */
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_REUSEPORT = 15;
export const SO_RCVTIMEO = 20;

export const IPPROTO_IP = 0;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IPPROTO_IPV6 = 41;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
/** Both families: never believe what strangers say of the path's MTU, fragment at the interface's (RFC 9715 §3.1). */
export const PMTUDISC_OMIT = 5;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_WAITFORONE = 0x10000;

export const F_SETFL = 4;

export const MADV_DONTNEED = 4;
export const MADV_HUGEPAGE = 14;

export const EINTR = 4;
export const EAGAIN = 11;

/** struct mmsghdr: name, namelen, iov, iovlen, control, controllen, flags, then the length of the message. In words of 4 bytes. */
export const MMSGHDR = {
  BYTES: 64,
  NAME: 0,
  NAME_LENGTH: 2,
  IOV: 4,
  IOV_LENGTH: 6,
  CONTROL: 8,
  CONTROL_LENGTH: 10,
  FLAGS: 12,
  LENGTH: 14,
} as const;

/** struct iovec, in words. */
export const IOVEC = { BYTES: 16, BASE: 0, LENGTH: 2 } as const;

/** struct sockaddr_in and sockaddr_in6, in bytes. */
export const SOCKADDR = { FAMILY: 0, PORT: 2, V4: 4, V4_BYTES: 16, V6: 8, SCOPE: 24, V6_BYTES: 28 } as const;

/** struct cmsghdr with in_pktinfo (interface, address to answer from, address asked) or in6_pktinfo (address, interface). */
export const PKTINFO = {
  LENGTH: 0,
  LEVEL: 8,
  TYPE: 12,
  V4_INTERFACE: 16,
  V4_LOCAL: 20,
  V4_BYTES: 28,
  V6_LOCAL: 16,
  V6_INTERFACE: 32,
  V6_BYTES: 36,
} as const;
