import type { ContainerStatus, NetworkInfo } from '../../mesos/index.ts';

/** What statuses say of a container; without networks of its own it has the address of the machine. */
export function containerStatusOf(
  { advertiseIp }: { readonly advertiseIp: string },
  container: {
    readonly id: string;
    readonly parent?: string | undefined;
    readonly networks?: readonly NetworkInfo[] | undefined;
    readonly pid?: number | undefined;
  },
): ContainerStatus {
  const { id, parent, pid } = container;
  const protocol = advertiseIp.includes(':') ? ('IPv6' as const) : ('IPv4' as const);
  return {
    container_id: { value: id, ...(parent === undefined ? {} : { parent: { value: parent } }) },
    network_infos: container.networks ?? [{ ip_addresses: [{ protocol, ip_address: advertiseIp }] }],
    ...(pid === undefined ? {} : { executor_pid: pid }),
  };
}
