import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import type { Part } from './part.ts';

const LOOK_EVERY_MS = 20;

/** What does not hold yet, for a person: `dns: catalog: no state of the cluster yet`. */
export function unmet(parts: readonly Pick<Part, 'name' | 'health'>[]): string[] {
  const told = new Map(parts.map((part) => [part.health, part.name]));
  return [...told].flatMap(([health, name]) =>
    Object.entries(health.report().conditions)
      .filter(([, condition]) => !condition.ok)
      .map(([what, { detail }]) => `${name}: ${what}${detail === undefined ? '' : `: ${detail}`}`),
  );
}

/** Wait until every part says that it is ready, for at most `limitMs`; tells what was still missing then. */
export async function awaitReady(
  parts: readonly Pick<Part, 'name' | 'health'>[],
  clock: Clock,
  limitMs: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const end = clock.monotonic() + limitMs;
  for (;;) {
    const missing = unmet(parts);
    if (missing.length === 0 || signal.aborted || clock.monotonic() >= end) return missing;
    await sleep(clock, LOOK_EVERY_MS, signal);
  }
}
