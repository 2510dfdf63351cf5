import { parseUpid } from '../../mesos/index.ts';
import { asBoolean, asId, asText, at, member } from './json.ts';
import type { ModelAgent, Read } from './types.ts';

/** An agent of the operator API (`agent_info` inside) or of a v0 document (flat). Without a usable pid it is left out. */
export function readAgent(json: unknown, where: string): Read<ModelAgent> {
  const id = asId(at(json, 'agent_info', 'id')) ?? asId(member(json, 'id'));
  if (id === undefined) return { id: where, value: undefined, problems: ['no agent id'] };
  const pid = asText(member(json, 'pid'));
  if (pid === undefined) return { id, value: undefined, problems: ['no pid'] };
  const upid = parseUpid(pid);
  if (!upid)
    return {
      id,
      value: undefined,
      problems: [`pid '${pid.slice(0, 80)}' is not of the form name@host:port`],
    };
  const hostname = asText(at(json, 'agent_info', 'hostname')) ?? asText(member(json, 'hostname'));
  return {
    id,
    value: {
      id,
      hostname: hostname ?? upid.host,
      host: upid.host,
      port: upid.port,
      active: asBoolean(member(json, 'active')) ?? true,
      ...zoneOf(member(json, 'agent_info') ?? json),
    },
    problems: [],
  };
}

/** `domain.fault_domain` (mesos-api.md §1), as operators write it. */
function zoneOf(info: unknown): Pick<ModelAgent, 'zone'> {
  const domain = at(info, 'domain', 'fault_domain');
  const region = asText(at(domain, 'region', 'name'));
  const zone = asText(at(domain, 'zone', 'name'));
  return region === undefined || zone === undefined ? {} : { zone: `${region}/${zone}` };
}
