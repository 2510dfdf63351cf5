/** Why an offer was not used, in the order in which offers are sieved (marathon.md §2.7). */
export const REASONS = [
  'UnfulfilledRole',
  'UnfulfilledConstraint',
  'NoCorrespondingReservationFound',
  'AgentMaintenance',
  'InsufficientCpus',
  'InsufficientMemory',
  'InsufficientDisk',
  'InsufficientGpus',
  'InsufficientPorts',
  'DeclinedScarceResources',
] as const;
export type RejectReason = (typeof REASONS)[number];

export interface ReasonCount {
  readonly reason: RejectReason;
  /** Offers that fell through here. */
  readonly declined: number;
  /** Offers that came this far. */
  readonly processed: number;
}

/** The funnel: how many offers came to each sieve, and how many it held back: `declined`, by their first reason. */
export function funnel(processed: number, declined: ReadonlyMap<RejectReason, number>): ReasonCount[] {
  let left = processed;
  return REASONS.map((reason) => {
    const count = { reason, declined: declined.get(reason) ?? 0, processed: left };
    left -= count.declined;
    return count;
  });
}
