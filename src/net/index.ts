export type * from './types.ts';
export type * from './datagrams.ts';
export type * from './datagram-sockets.ts';
export type { DatagramCounts } from './datagram-control.ts';
export { addressesOf, isWildcard, localAddresses } from './local-addresses.ts';
export { openDatagrams, receiveDatagrams } from './open-datagrams.ts';
export { createPortableReactor } from './portable/reactor.ts';
export { codeOf } from './portable/udp-at-each-address.ts';
export { preferHugePages } from './linux/huge-pages.ts';
