import { ipBytes } from '../zone/index.ts';

const NO_ADDRESS = new Uint8Array(16);

/** The 4 or 16 bytes of a client's address, without the zone of one that is of a single link (`fe80::1%eth0`). */
export function clientBytes(ip: string): Uint8Array {
  const zone = ip.indexOf('%');
  return ipBytes(zone < 0 ? ip : ip.slice(0, zone)) ?? NO_ADDRESS;
}
