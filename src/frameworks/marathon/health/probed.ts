import { assignedPorts } from '../apps/ports.ts';
import type { Instance } from '../instances/instance.ts';

/**
 * Where Marathon reaches a port of an instance: on its agent, or where it has none there, in its container. `port` takes the place of the
 * number. Undefined is what is not known (yet).
 */
export function probedAt(
  instance: Instance,
  index: number,
  port?: number,
): { readonly host: string | undefined; readonly port: number | undefined } {
  const found = assignedPorts(instance.app, instance.ports)[index];
  if (!found) return { host: instance.address, port };
  if (found.outside !== undefined) return { host: instance.address, port: port ?? found.outside };
  return { host: instance.ipAddresses[0]?.ip_address, port: port ?? found.inside };
}
