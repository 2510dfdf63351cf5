import type { Nanoseconds, Offer, Unavailability, Value } from './types.ts';

/** Maintenance as the operator and scheduler APIs write it (mesos-api.md §1.13, §3.1). */

/** What runs agents: known by its host name, its IP address, or both. */
export interface MachineId {
  readonly hostname?: string;
  readonly ip?: string;
}

/** Machines that will not be there for a while. */
export interface MaintenanceWindow {
  readonly machine_ids: readonly MachineId[];
  readonly unavailability: Unavailability;
}

export interface MaintenanceSchedule {
  readonly windows?: readonly MaintenanceWindow[];
}

/** Asks a framework to give back what it has on a machine before that is not there. */
export interface InverseOffer {
  readonly id: Value;
  readonly url: Offer['url'];
  readonly framework_id: Value;
  readonly agent_id: Value;
  readonly unavailability: Unavailability;
}

/** What a framework has said to the last inverse offer. */
export interface InverseOfferStatus {
  readonly status: 'ACCEPT' | 'DECLINE';
  readonly framework_id: Value;
  readonly timestamp: Nanoseconds;
}
