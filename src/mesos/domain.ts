import type { DomainInfo } from './types.ts';

/** A fault domain as it is configured, in the shape of mesos.proto. */
export function domainInfo(at: { readonly region: string; readonly zone: string }): DomainInfo {
  return { fault_domain: { region: { name: at.region }, zone: { name: at.zone } } };
}
