import type { Service } from '../../cluster/index.ts';

/** How many ports a service has: those it declares, or those its instances show, if that is more. */
export function portCount(service: Service): number {
  let count = service.ports.length;
  for (const instance of service.instances) count = Math.max(count, instance.addresses.length);
  return count;
}

/** A service without instances and without declared ports may still turn out to have the port. */
export function hasPort(service: Service, index: number): boolean {
  const count = portCount(service);
  return count > index || (count === 0 && service.instances.length === 0);
}
