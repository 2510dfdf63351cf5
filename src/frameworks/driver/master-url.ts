import { frameworkErrors } from '../errors.ts';

const PATH = '/api/v1/scheduler';

/**
 * The scheduler endpoints named by a `master` setting: `host:port`, a URL, or several with commas between. The port
 * defaults to 5050. Throws MARATHON_BAD_MASTER.
 */
export function schedulerUrls(master: string): string[] {
  const urls = master
    .split(',')
    .map((m) => m.trim())
    .filter((m) => m !== '')
    .map((one) => schedulerUrl(one));
  if (urls.length === 0) throw frameworkErrors.MARATHON_BAD_MASTER({ master });
  return urls;
}

function schedulerUrl(one: string): string {
  const text = /^https?:\/\//.test(one) ? one : `http://${one}`;
  if (!URL.canParse(text)) throw frameworkErrors.MARATHON_BAD_MASTER({ master: one });
  const url = new URL(text);
  if (url.port === '' && !/:\d+\/?$/.test(one)) url.port = '5050';
  return `${url.protocol}//${url.host}${PATH}`;
}

/**
 * Where a 307 of a standby master points. Mesos writes it without a scheme (`//host:port/api/v1/scheduler`); some
 * proxies write only the authority. Undefined when it makes no sense.
 */
export function redirectTarget(from: string, location: string | undefined): string | undefined {
  if (!location || !URL.canParse(location, from)) return undefined;
  const url = new URL(location, from);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.pathname === '/') url.pathname = PATH;
  return url.href;
}
