import type { LiveBackend, LiveEndpoint, PlaneQuestion } from '../plane/messages.ts';

/** A plane must not be kept busy for long by one question. */
const BACKENDS_A_QUESTION = 100;

/** By backend and endpoint. */
export type LiveEndpoints = ReadonlyMap<string, ReadonlyMap<string, Omit<LiveEndpoint, 'key'>>>;

/**
 * Endpoints as the planes see them at this moment: requests in flight and those that wait are summed up; whether an endpoint would be picked is
 * each plane's own matter, so the first plane that says no is believed.
 */
export async function liveEndpoints(
  keys: ReadonlySet<string>,
  askAll: (question: PlaneQuestion) => Promise<readonly unknown[]>,
): Promise<LiveEndpoints> {
  const live = new Map<string, Map<string, Omit<LiveEndpoint, 'key'>>>();
  const all = [...keys];
  for (let i = 0; i < all.length; i += BACKENDS_A_QUESTION) {
    const answers = await askAll({ ask: 'backends', keys: all.slice(i, i + BACKENDS_A_QUESTION) });
    for (const backend of (answers as readonly (readonly LiveBackend[])[]).flat()) {
      const endpoints = live.get(backend.key) ?? new Map<string, Omit<LiveEndpoint, 'key'>>();
      live.set(backend.key, endpoints);
      for (const { key, ...seen } of backend.endpoints) endpoints.set(key, merged(endpoints.get(key), seen));
    }
  }
  return live;
}

type Seen = Omit<LiveEndpoint, 'key'>;

function merged(before: Seen | undefined, seen: Seen): Seen {
  if (before === undefined) return seen;
  const eligibility = before.eligibility === 'eligible' ? seen.eligibility : before.eligibility;
  const [inFlight, waiting] = [before.inFlight + seen.inFlight, before.waiting + seen.waiting];
  return { inFlight, waiting, eligibility };
}
