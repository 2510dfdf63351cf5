import { ipv4Bytes, ipv6Bytes, ipv6Text } from '../../core/ip.ts';
import type { CatalogPort, CatalogTask } from '../catalog/index.ts';
import { dcosDomainFragment } from './dcos-label.ts';

/** Where a VIP is reached: under a name that gets an address, or at an address of the label's own. */
export type VipTarget =
  | {
      readonly kind: 'named';
      /** As written: it tells VIPs apart also where their DNS names are the same (dcos-net.md §5). */
      readonly given: string;
      /** `<name>.<framework>`: the DNS name within the zone of VIPs, and the key of the address. */
      readonly fragment: string;
    }
  | { readonly kind: 'address'; readonly ip: string };

export type VipProtocol = 'tcp' | 'udp';

export interface VipBackend {
  readonly ip: string;
  readonly port: number;
  /** 1, or 0 for what gets no new connections. */
  readonly weight: 0 | 1;
  /** Why: it is up; its health check failed; it has a check and no result yet; it is about to end. */
  readonly state: VipBackendState;
}

export type VipBackendState = 'up' | 'unhealthy' | 'unchecked' | 'ending';

/** What one label of a task asks for. */
export interface VipEntry {
  readonly protocol: VipProtocol;
  readonly port: number;
  readonly target: VipTarget;
  /** The framework as named, part of what a named VIP is told apart by. */
  readonly frameworkName: string;
  readonly backends: readonly VipBackend[];
}

export interface TaskVips {
  readonly entries: readonly VipEntry[];
  /** Labels that mean nothing, each with the reason. */
  readonly problems: readonly string[];
}

/** What a label's value says: a target and a port of it. Otherwise what is wrong, for a person. */
export type ParsedVip =
  | { readonly ok: true; readonly target: VipTarget; readonly port: number }
  | { readonly ok: false; readonly reason: string };

/** The value of a VIP label: `/name:port`, `name:port`, `1.2.3.4:port` or `fd01:c::5:port`, split at the last colon (dcos-net.md §5). */
export function parseVip(value: string, frameworkName: string): ParsedVip {
  const colon = value.lastIndexOf(':');
  if (colon < 0) return { ok: false, reason: 'has no port; write /name:port' };
  const [left, portText] = [value.slice(0, colon), value.slice(colon + 1)];
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) return { ok: false, reason: `'${portText}' is no port from 1 to 65535` };
  const v6 = ipv6Bytes(left);
  if (v6 || ipv4Bytes(left))
    return { ok: true, port, target: { kind: 'address', ip: v6 ? ipv6Text(v6) : left } };
  const [name, framework] = [dcosDomainFragment(left), dcosDomainFragment(frameworkName)];
  if (name === '') return { ok: false, reason: 'has no name that DNS can say; write /name:port' };
  if (framework === '') return { ok: false, reason: 'its framework has no name that DNS can say' };
  return { ok: true, port, target: { kind: 'named', given: left, fragment: `${name}.${framework}` } };
}

/** The VIPs that a task is behind; none unless it runs or is about to end (dcos-net.md §5, §7). */
export function taskVips(task: CatalogTask): TaskVips {
  const state = stateOf(task);
  const agentIp = task.agentIps[0];
  if (state === undefined || agentIp === undefined) return NO_VIPS;
  const reader = new Reader(task, agentIp, state);
  for (const port of task.discovery?.ports ?? []) reader.readPort(port);
  for (const [key, value] of task.labels) reader.readLegacy(key, value);
  return reader;
}

const NO_VIPS: TaskVips = { entries: [], problems: [] };

/** Undefined for tasks that serve nobody. */
function stateOf(task: CatalogTask): VipBackendState | undefined {
  if (task.state === 'TASK_KILLING') return 'ending';
  if (task.state !== 'TASK_RUNNING') return undefined;
  if (task.healthy === false) return 'unhealthy';
  // A backend that is new gets nothing before its first check says that it can serve.
  return task.healthy === undefined && task.hasHealthCheck ? 'unchecked' : 'up';
}

class Reader implements TaskVips {
  readonly entries: VipEntry[] = [];
  readonly problems: string[] = [];
  readonly #task: CatalogTask;
  readonly #agentIp: string;
  readonly #state: VipBackendState;

  constructor(task: CatalogTask, agentIp: string, state: VipBackendState) {
    this.#task = task;
    this.#agentIp = agentIp;
    this.#state = state;
  }

  /** Labels of a port of the discovery information that begin with VIP or vip. */
  readPort(port: CatalogPort): void {
    for (const [key, value] of port.labels) {
      if (!key.startsWith('VIP') && !key.startsWith('vip')) continue;
      const reach = this.#reach(port);
      const protocols = protocolsOf(port.protocol);
      if (typeof reach === 'string') this.problems.push(`${key}: ${reach}`);
      else if (typeof protocols === 'string') this.problems.push(`${key}: ${protocols}`);
      else this.#add(key, value, protocols, reach);
    }
  }

  /** The labels of a task before there were port labels: `VIP_PORT0=tcp://name:port`, on a port of its resources. */
  readLegacy(key: string, value: string): void {
    const index = /^VIP_PORT(\d+)$/i.exec(key)?.[1];
    if (index === undefined) return;
    const [, protocol, vip] = /^(tcp|udp):\/\/(.*)$/s.exec(value) ?? [];
    const port = this.#task.ports[Number(index)];
    if (vip === undefined) this.problems.push(`${key}=${value}: does not begin with tcp:// or udp://`);
    else if (!port) this.problems.push(`${key}: the task has no port of that index`);
    else this.#add(key, vip, [protocol as VipProtocol], { ips: [this.#agentIp], port, ownFamily: false });
  }

  #add(key: string, value: string, protocols: readonly VipProtocol[], reach: Reach): void {
    const { frameworkName } = this.#task;
    const vip = parseVip(value, frameworkName);
    if (!vip.ok) return void this.problems.push(`${key}=${value}: ${vip.reason}`);
    const { target, port } = vip;
    const family = target.kind === 'address' && reach.ownFamily ? isIpv6(target.ip) : undefined;
    const ips = reach.ips.filter((ip) => family === undefined || isIpv6(ip) === family);
    const [state, weight] = [this.#state, this.#state === 'up' ? 1 : 0] as const;
    const backends = ips.map((ip) => ({ ip, port: reach.port, weight, state }));
    for (const protocol of protocols) this.entries.push({ protocol, port, target, frameworkName, backends });
  }

  /** Where a port is reached, by its label `network-scope`; a text when that cannot be said. */
  #reach(port: CatalogPort): Reach | string {
    const { number } = port;
    if (number < 1 || number > 65_535) return `discovery says port ${number}`;
    const own = this.#task.netinfoIps;
    const onAgent: Reach = { ips: [this.#agentIp], port: number, ownFamily: false };
    const onTask: Reach = { ips: own, port: number, ownFamily: true };
    const scope = port.labels.get('network-scope');
    switch (scope) {
      case 'host':
        return onAgent;
      case 'container':
        return onTask;
      case undefined:
        return own.length === 0 || own.includes(this.#agentIp) ? onAgent : onTask;
      default:
        return `network-scope is '${scope}', neither container nor host`;
    }
  }
}

interface Reach {
  readonly ips: readonly string[];
  readonly port: number;
  /** Whether a VIP that is an address takes only backends of its own family. */
  readonly ownFamily: boolean;
}

/** None means TCP. */
function protocolsOf(given: string): readonly VipProtocol[] | string {
  const named = given === '' ? ['tcp'] : [...new Set(given.toLowerCase().split(','))];
  const known = named.filter((p): p is VipProtocol => p === 'tcp' || p === 'udp');
  return known.length === named.length ? known : `protocol '${given}' is neither tcp nor udp`;
}

export function isIpv6(ip: string): boolean {
  return ip.includes(':');
}
