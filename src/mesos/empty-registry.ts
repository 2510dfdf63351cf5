/**
 * A header in answers of our master, `empty` for a minute after it was elected and found nothing in its registry: agents that it does not name may
 * be about to come back. Masters of Mesos do not say so.
 */
export const REGISTRY_HEADER = 'rimrock-registry';
export const EMPTY_REGISTRY = 'empty';

/** Whether an answer with these headers (names in lower case) says that its master began with an empty registry just now. */
export function beganEmpty(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): boolean {
  return headers[REGISTRY_HEADER] === EMPTY_REGISTRY;
}
