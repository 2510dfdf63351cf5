/**
 * Mesos keeps scalar resources in fixed point with three decimals: every comparison and sum works on thousandths, so
 * 0.1 + 0.2 is exactly 0.3 (mesos src/common/values.cpp; mesos-api.md §1.8).
 */

/** A scalar in whole thousandths. */
export function toMillis(value: number): number {
  return Math.round(value * 1000);
}

/** The number that is written in JSON for so many thousandths. */
export function fromMillis(millis: number): number {
  return millis / 1000;
}
