import { InvalidArgumentError } from 'commander';

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** `90s`, `10m`, `1h`, `2d` as seconds, for an option of a command; throws what commander takes for wrong usage. */
export function seconds(text: string): number {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('Write 90s, 10m, 1h or 2d.');
  return Number(number) * UNITS[unit as keyof typeof UNITS];
}

/** How long ago, roughly: `5s`, `3m`, `2h`, `4d`; empty where it is not known. */
export function age(time: string | null, nowMs: number): string {
  if (time === null) return '';
  const past = Math.max(0, (nowMs - Date.parse(time)) / 1000);
  const [size, unit] =
    past < 120 ? [1, 's'] : past < 7200 ? [60, 'm'] : past < 172_800 ? [3600, 'h'] : [86_400, 'd'];
  return `${Math.floor(past / size)}${unit}`;
}

/** Seconds since 1970 as text; null where there are none. */
export function isoOfSeconds(value: unknown): string | null {
  return typeof value === 'number' && value > 0 ? isoOf(value * 1000) : null;
}

/** `{nanoseconds}` of a v1 document as text; null where there are none. */
export function isoOfNanoseconds(value: unknown): string | null {
  const nanoseconds = (value as { readonly nanoseconds?: unknown } | undefined)?.nanoseconds;
  return typeof nanoseconds === 'number' && nanoseconds > 0 ? isoOf(nanoseconds / 1e6) : null;
}

/** A time that another program has written may be beyond all calendars. */
function isoOf(ms: number): string | null {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
