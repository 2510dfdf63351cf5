import { masterPlaces, redirectOrigin } from '../../mesos/index.ts';
import type { MasterPlaces } from '../../mesos/index.ts';
import { frameworkErrors } from '../errors.ts';

const PATH = '/api/v1/scheduler';

/** The masters named by a `master` setting. Throws MARATHON_BAD_MASTER. */
export function masterPlacesOf(master: string): MasterPlaces {
  const places = masterPlaces(master);
  if (typeof places === 'string') throw frameworkErrors.MARATHON_BAD_MASTER({ master });
  return places;
}

/** Where the master at an origin takes calls of schedulers. */
export function schedulerUrl(origin: string): string {
  return origin + PATH;
}

/** The scheduler endpoint that a 307 of a standby master points to; undefined when it makes no sense. */
export function redirectTarget(from: string, location: string | undefined): string | undefined {
  const origin = redirectOrigin(location, from);
  return origin === undefined ? undefined : origin + PATH;
}
