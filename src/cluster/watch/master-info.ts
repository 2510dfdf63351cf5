import { isIp } from '../../core/ip.ts';
import { asNumber, asText, at, endpointOfPid } from '../model/index.ts';
import type { MasterEndpoint } from '../model/index.ts';

/** Address of the master out of a GET_MASTER answer: its pid, else `address`; undefined when it cannot be read. */
export function endpointOfMasterInfo(text: string): MasterEndpoint | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const info = at(json, 'get_master', 'master_info');
  const pid = endpointOfPid(at(info, 'pid'));
  if (pid) return pid;
  const ip = asText(at(info, 'address', 'ip'));
  const port = asNumber(at(info, 'address', 'port'));
  return ip !== undefined && isIp(ip) && port !== undefined ? { ip, port } : undefined;
}
