import type { Validity } from '../x509/make.ts';

/** A certificate is renewed when this share of its life is over, give or take `JITTER` of that share. */
const RENEW_AT = 0.5;
const JITTER = 0.1;
/** With less than this share of its life left, somebody must know. */
const ALARM_LEFT = 1 / 3;

/** When to renew; `chance` in [0, 1) spreads those who got theirs at the same time. */
export function renewAtMs({ notBeforeMs, notAfterMs }: Validity, chance: number): number {
  const share = RENEW_AT * (1 + JITTER * (2 * chance - 1));
  return notBeforeMs + (notAfterMs - notBeforeMs) * share;
}

/** From when on it is an alarm that it has not been renewed. */
export function alarmAtMs({ notBeforeMs, notAfterMs }: Validity): number {
  return notAfterMs - (notAfterMs - notBeforeMs) * ALARM_LEFT;
}
