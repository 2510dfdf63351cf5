import type Dockerode from 'dockerode';
import type { ContainerInfo, NetworkInfo, PortMapping } from '../../../mesos/index.ts';
import { dockerErrors } from './errors.ts';

/** The part of a container that is its network, as the Engine API takes it. */
export interface NetworkOptions {
  readonly mode: string;
  readonly exposed: Record<string, object>;
  readonly bindings: Record<string, { HostPort: string }[]>;
  /** A fixed address in a network of its own. */
  readonly address?: string;
}

const refused = (problem: string): Error => dockerErrors.AGENT_DOCKER_REFUSED({ problem });

/** The network of a container (mesos-api.md Appendix E). Throws AGENT_DOCKER_REFUSED where it contradicts itself. */
export function networkOf(container: ContainerInfo): NetworkOptions {
  const network = container.docker?.network ?? 'HOST';
  const mappings = container.docker?.port_mappings ?? [];
  if (mappings.length > 0 && (network === 'HOST' || network === 'NONE'))
    throw refused(`port mappings need the network BRIDGE or USER, not ${network}`);
  const ports = portsOf(mappings);
  if (network !== 'USER') return { mode: network.toLowerCase(), ...ports };
  const [own, ...others] = container.network_infos ?? [];
  if (!own?.name || others.length > 0)
    throw refused('the network USER needs exactly one of network_infos, with the name of a network');
  const address = own.ip_addresses?.find((ip) => ip.ip_address)?.ip_address;
  return { mode: own.name, ...ports, ...(address === undefined ? {} : { address }) };
}

function portsOf(mappings: readonly PortMapping[]): Pick<NetworkOptions, 'exposed' | 'bindings'> {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, { HostPort: string }[]> = {};
  for (const mapping of mappings) {
    for (const protocol of protocolsOf(mapping)) {
      const port = `${mapping.container_port}/${protocol}`;
      exposed[port] = {};
      (bindings[port] ??= []).push({ HostPort: String(mapping.host_port) });
    }
  }
  return { exposed, bindings };
}

function protocolsOf({ protocol = 'tcp' }: PortMapping): string[] {
  const all = protocol.toLowerCase().split(',');
  if (!all.every((p) => p === 'tcp' || p === 'udp' || p === 'sctp'))
    throw refused(`a port is mapped for tcp, udp or sctp, not '${protocol}'`);
  return all;
}

/** Addresses of a container of its own; undefined: it has those of the machine, or none. */
export function addressesOf(found: Dockerode.ContainerInspectInfo): NetworkInfo[] | undefined {
  const infos = Object.entries(found.NetworkSettings.Networks ?? {}).flatMap(([name, network]) => {
    const ip_addresses = [
      ...(network.IPAddress ? [{ protocol: 'IPv4' as const, ip_address: network.IPAddress }] : []),
      ...(network.GlobalIPv6Address
        ? [{ protocol: 'IPv6' as const, ip_address: network.GlobalIPv6Address }]
        : []),
    ];
    return ip_addresses.length > 0 ? [{ name, ip_addresses }] : [];
  });
  return infos.length > 0 ? infos : undefined;
}
