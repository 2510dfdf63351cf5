import { isIp } from '../../core/ip.ts';
import type { ModelAgent, ModelFramework } from '../model/index.ts';
import type { CatalogAgent, CatalogFramework } from './types.ts';

/** A catalog entry, with what was left out of it. */
export interface Derived<T> {
  readonly value: T;
  readonly problem: string | undefined;
}

/** Names are never looked up here: an address that changes behind the catalog's back would be a lie. */
export function catalogAgent(agent: ModelAgent): Derived<CatalogAgent> {
  const literal = isIp(agent.host);
  const value = {
    id: agent.id,
    hostname: agent.hostname,
    ips: literal ? [agent.host] : [],
    port: agent.port,
    active: agent.active,
    ...(agent.zone === undefined ? {} : { zone: agent.zone }),
  };
  return { value, problem: literal ? undefined : nameProblem(agent.host) };
}

export function catalogFramework(framework: ModelFramework): CatalogFramework {
  const { pid } = framework;
  const host = pid?.host ?? framework.hostname;
  return {
    id: framework.id,
    name: framework.name,
    host,
    ips: isIp(host) ? [host] : [],
    pidPort: pid?.port,
    active: framework.active,
  };
}

function nameProblem(host: string): string {
  return `pid has the name '${host}' where an IP address is needed; start it with --ip or --advertise_ip`;
}
