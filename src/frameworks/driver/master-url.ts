import { masterOrigin, redirectOrigin } from '../../mesos/index.ts';
import { frameworkErrors } from '../errors.ts';

const PATH = '/api/v1/scheduler';

/**
 * The scheduler endpoints named by a `master` setting: `host:port`, a URL, or several with commas between. The port
 * defaults to 5050. Throws MARATHON_BAD_MASTER.
 */
export function schedulerUrls(master: string): string[] {
  const names = master.split(',').filter((m) => m.trim() !== '');
  if (names.length === 0) throw frameworkErrors.MARATHON_BAD_MASTER({ master });
  return names.map((one) => {
    const origin = masterOrigin(one);
    if (origin === undefined) throw frameworkErrors.MARATHON_BAD_MASTER({ master: one });
    return origin + PATH;
  });
}

/** The scheduler endpoint that a 307 of a standby master points to; undefined when it makes no sense. */
export function redirectTarget(from: string, location: string | undefined): string | undefined {
  const origin = redirectOrigin(location, from);
  return origin === undefined ? undefined : origin + PATH;
}
