import type { ModelTask } from '../model/index.ts';
import type { Address, CatalogAgent, CatalogPort, CatalogTask, Instance } from './types.ts';

/** A task with what its agent and framework say about it. */
export function catalogTask(task: ModelTask, agent: CatalogAgent, frameworkName: string): CatalogTask {
  return {
    key: task.key,
    id: task.id,
    name: task.name,
    frameworkId: task.frameworkId,
    frameworkName,
    agentId: agent.id,
    agentHostname: agent.hostname,
    state: task.state,
    healthy: task.running?.healthy,
    agentIps: agent.ips,
    netinfoIps: task.running?.netinfoIps ?? [],
    dockerIps: task.running?.dockerIps ?? [],
    mesosIps: task.running?.mesosIps ?? [],
    networks: task.running?.networks ?? [],
    ports: task.ports,
    discovery: task.discovery,
    labels: task.labels,
    startedAtMs: task.startedAtMs,
  };
}

/** The name of the service that a task belongs to. */
export function serviceName(task: CatalogTask): string {
  return task.discovery?.name || task.name;
}

/** The service ports as this task shows them: discovery's, else its port resources without name. */
export function portsOf(task: CatalogTask): readonly CatalogPort[] {
  const discovered = task.discovery?.ports ?? [];
  if (discovered.length > 0) return discovered;
  return task.ports.map((number) => ({ number, name: '', protocol: '', labels: NO_LABELS }));
}

const NO_LABELS: ReadonlyMap<string, string> = new Map();

export function instanceOf(task: CatalogTask): Instance {
  return {
    taskKey: task.key,
    taskId: task.id,
    agentId: task.agentId,
    host: task.agentHostname,
    phase: phaseOf(task),
    healthy: task.healthy,
    addresses: addressesOf(task),
    startedAtMs: task.startedAtMs,
    labels: task.labels,
  };
}

function phaseOf(task: CatalogTask): Instance['phase'] {
  if (task.state === 'TASK_RUNNING') return 'up';
  return task.state === 'TASK_KILLING' ? 'draining' : 'waiting';
}

function addressesOf(task: CatalogTask): readonly (Address | undefined)[] {
  const agentIp = task.agentIps[0];
  const discovered = task.discovery?.ports ?? [];
  if (discovered.length === 0) return task.ports.map((port) => address(agentIp, port));
  const ownIp = task.netinfoIps[0];
  const hasOwnPorts = task.ports.length === 0 && ownIp !== undefined;
  return discovered.map((port) => {
    const inContainer = port.labels.get('network-scope') === 'container' || hasOwnPorts;
    return address(inContainer ? ownIp : agentIp, port.number);
  });
}

function address(ip: string | undefined, port: number): Address | undefined {
  return ip !== undefined && port >= 1 && port <= 65_535 ? { ip, port } : undefined;
}
