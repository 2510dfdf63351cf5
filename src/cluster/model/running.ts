import { ipv4Bytes } from '../../core/ip.ts';
import { SHOWN } from './equal.ts';
import { NOTHING } from './share.ts';
import type { NamedNetwork, RunningStatus } from './types.ts';

const FIELDS: readonly (keyof RunningStatus)[] = [
  'timestampMs',
  'healthy',
  'netinfoIps',
  'dockerIps',
  'mesosIps',
  'networks',
];

/** The same in a quarter of the memory where it can be said so: most tasks have one address, on one network. */
export function compactStatus(status: RunningStatus): RunningStatus {
  const { netinfoIps, dockerIps, mesosIps, networks } = status;
  const [ip] = netinfoIps;
  const [network] = networks;
  const plain =
    ip !== undefined &&
    netinfoIps.length === 1 &&
    dockerIps.length + mesosIps.length === 0 &&
    (network === undefined || (networks.length === 1 && network.ips.length === 1 && network.ips[0] === ip));
  return plain ? new OneAddress(status, ip, network?.name) : status;
}

class OneAddress implements RunningStatus {
  readonly timestampMs: number;
  readonly healthy: boolean | undefined;
  readonly #ip: number | string;
  readonly #network: string | undefined;

  constructor(status: RunningStatus, ip: string, network: string | undefined) {
    this.timestampMs = status.timestampMs;
    this.healthy = status.healthy;
    this.#ip = packed(ip);
    this.#network = network;
  }

  get [SHOWN](): readonly string[] {
    return FIELDS;
  }
  get netinfoIps(): readonly string[] {
    return [text(this.#ip)];
  }
  get dockerIps(): readonly string[] {
    return NOTHING;
  }
  get mesosIps(): readonly string[] {
    return NOTHING;
  }
  get networks(): readonly NamedNetwork[] {
    return this.#network === undefined ? NOTHING : [{ name: this.#network, ips: this.netinfoIps }];
  }
}

/** An IPv4 address as 32 bits, which take no memory of their own; there is but one way to write it. */
function packed(ip: string): number | string {
  const bytes = ipv4Bytes(ip);
  if (!bytes) return ip;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return (a << 24) | (b << 16) | (c << 8) | d;
}

function text(ip: number | string): string {
  if (typeof ip === 'string') return ip;
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}
