import { isIp } from '../../../core/ip.ts';
import { isIpv6 } from '../../../cluster/vips/index.ts';
import type { Vip, VipBackend, VipProtocol } from '../../../cluster/vips/index.ts';

/** Where new connections go. */
export interface Target {
  readonly ip: string;
  readonly port: number;
  /** A whole number above 0: its share of the sum of all. */
  readonly weight: number;
}

/** A backend as it takes part at one address, and why so. */
export interface BackendView extends VipBackend {
  /** The share of new connections in effect; differs from `weight` where none is healthy. */
  readonly share: number;
  readonly why: string;
}

/** One address of a VIP with a port: what the kernel, or a listener of ours, knows. */
export interface VirtualServer {
  /** `tcp 11.1.2.3 80`. */
  readonly key: string;
  readonly protocol: VipProtocol;
  readonly family: 4 | 6;
  readonly address: string;
  readonly port: number;
  /** Absolute, with the dot; undefined for a VIP that is an address. */
  readonly name: string | undefined;
  /** None: connections are refused. */
  readonly targets: readonly Target[];
  readonly backends: readonly BackendView[];
}

const WHY: Readonly<Record<VipBackend['state'], string>> = {
  up: 'up',
  unhealthy: 'its health check fails',
  unchecked: 'its health check has no result yet',
  ending: 'it is about to end',
};

/**
 * The addresses of a VIP, each with the backends of its family. Connections go to those that are up; when none is, to those
 * whose health check fails, for a check can be wrong about all of them. One that is about to end, or was never found well,
 * gets nothing either way.
 */
export function serversOf(vip: Vip): VirtualServer[] {
  const { protocol, port, name } = vip;
  return vip.addresses.map((address) => {
    const v6 = isIpv6(address);
    const own = vip.backends.filter((b) => isIp(b.ip) && isIpv6(b.ip) === v6);
    const allUnwell = own.every((b) => b.weight === 0);
    const backends = own.map((backend): BackendView => {
      const failOpen = allUnwell && backend.state === 'unhealthy';
      const why = WHY[backend.state] + (failOpen ? ', as do those of all others: used all the same' : '');
      return { ...backend, share: failOpen ? 1 : backend.weight, why };
    });
    const targets = backends.flatMap(({ ip, port: to, share }) =>
      share > 0 ? [{ ip, port: to, weight: share }] : [],
    );
    const key = `${protocol} ${address} ${port}`;
    return { key, protocol, family: v6 ? 6 : 4, address, port, name, targets, backends };
  });
}
