import { alarmAtMs } from '../identity/renewal.ts';
import type { Validity } from '../x509/make.ts';
import { BACKDATE_MS } from './parts.ts';
import { intermediateKeyName } from './state.ts';
import type { AuthorityState } from './state.ts';

/** From when it was made: certificates begin a little before. */
export function lifeOf({ notBeforeMs, notAfterMs }: Validity): Validity {
  return { notBeforeMs: notBeforeMs + BACKDATE_MS, notAfterMs };
}

/** Milliseconds that are left of what signs, by its name. */
export function lifeLeft({ active }: AuthorityState, nowMs: number): ReadonlyMap<string, number> {
  return new Map([
    ['root', active.root.notAfterMs - nowMs],
    ['intermediate', active.intermediate.notAfterMs - nowMs],
  ]);
}

/** Why somebody should look at it; undefined when all is well. */
export function alarmOf({ active }: AuthorityState, hasKey: boolean, nowMs: number): string | undefined {
  const { root, intermediate } = active;
  if (!hasKey) return `the key ${intermediateKeyName(intermediate.id)} is not on this machine`;
  for (const [what, validity] of [
    ['root', root],
    ['intermediate', intermediate],
  ] as const) {
    if (nowMs >= validity.notAfterMs) return `the ${what} has ended`;
    if (nowMs >= alarmAtMs(lifeOf(validity))) return `less than a third of the life of the ${what} is left`;
  }
  return undefined;
}
