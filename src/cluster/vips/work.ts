import type { Clock } from '../../core/clock.ts';
import { restEvery } from '../../core/slices.ts';
import type { Catalog } from '../catalog/index.ts';
import type { Vips } from './vips.ts';

const SLICE_MS = 2;

/**
 * Have VIPs take in what the catalog says whenever it says something, where nobody publishes or carries them. `later` runs a function when
 * the event loop has gone round. The result resolves when all that was said so far is taken in; it never rejects.
 */
export function workOnVips(
  vips: Vips,
  catalog: Catalog,
  clock: Clock,
  later: (f: () => void) => void = setImmediate,
): () => Promise<void> {
  let working: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    const rest = restEvery(SLICE_MS, clock, later);
    while (vips.work()) if (rest.due()) await rest.take();
  };
  const wake = (): Promise<void> => {
    working ??= work().finally(() => {
      working = undefined;
    });
    return working;
  };
  vips.follow(catalog);
  catalog.onChange(() => void wake());
  return wake;
}
