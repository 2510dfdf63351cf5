import type { ContainerInfo, Resource } from '../../mesos/index.ts';

/** Why a container may not have the ports of the machine that it maps, in words for the framework: they are to be among its resources. */
export function hostPortProblem(
  container: ContainerInfo | undefined,
  resources: readonly Resource[],
): string | undefined {
  const own = resources.filter((r) => r.name === 'ports').flatMap((r) => r.ranges?.range ?? []);
  const foreign = container?.docker?.port_mappings?.find(
    ({ host_port }) => !own.some(({ begin, end }) => begin <= host_port && host_port <= end),
  );
  return foreign && `Port ${foreign.host_port} is mapped, but not among the resources of the task`;
}
