import { isIp, isIPv4 } from '../../core/ip.ts';
import { at, asNumber, asText } from '../model/index.ts';
import { readFields } from './protobuf.ts';

/** Masters that name no port listen here. */
const DEFAULT_PORT = 5050;

/**
 * The address in a MasterInfo (mesos.proto): `address.ip:port`, else the older `ip` and `port`. Undefined when it has
 * none that can be used. The host name is not used, as with Mesos-DNS (mesos-dns.md §3.1).
 */
export function addressOfJsonInfo(bytes: Uint8Array): string | undefined {
  let info: unknown;
  try {
    info = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  const newer = addressText(asText(at(info, 'address', 'ip')), asNumber(at(info, 'address', 'port')));
  return newer ?? legacyAddress(asNumber(at(info, 'ip')), asNumber(at(info, 'port')));
}

/** The same out of the protobuf form: 2 `ip`, 3 `port`, 7 `address` with 2 `ip`, 3 `port`. */
export function addressOfProtobufInfo(bytes: Uint8Array): string | undefined {
  const info = readFields(bytes);
  if (!info) return undefined;
  const inner = info.get(7);
  const address = inner instanceof Uint8Array ? readFields(inner) : undefined;
  const ip = address?.get(2);
  const text = ip instanceof Uint8Array ? new TextDecoder().decode(ip) : undefined;
  return (
    addressText(text, number(address?.get(3))) ?? legacyAddress(number(info.get(2)), number(info.get(3)))
  );
}

function number(value: bigint | Uint8Array | undefined): number | undefined {
  return typeof value === 'bigint' ? Number(value) : undefined;
}

function addressText(ip: string | undefined, port: number | undefined): string | undefined {
  if (ip === undefined || !isIp(ip) || !isPort(port)) return undefined;
  return isIPv4(ip) ? `${ip}:${port}` : `[${ip}]:${port}`;
}

/** `ip`: an IPv4 address in network order, read as a little-endian number. 0 is none. */
function legacyAddress(ip: number | undefined, port = DEFAULT_PORT): string | undefined {
  if (ip === undefined || !Number.isInteger(ip) || ip <= 0 || ip > 0xffff_ffff) return undefined;
  const bytes = [ip & 255, (ip >>> 8) & 255, (ip >>> 16) & 255, (ip >>> 24) & 255];
  return addressText(bytes.join('.'), port);
}

function isPort(port: number | undefined): port is number {
  return port !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535;
}
