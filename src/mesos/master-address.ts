const DEFAULT_PORT = 5050;

/**
 * The origin (`http://10.0.0.1:5050`) of a master given as `host`, `host:port`, `[v6]:port`, or an http or https URL;
 * a URL without port has its scheme's. Undefined when it is none of these. `https`: the scheme where none is given.
 */
export function masterOrigin(text: string, https = false): string | undefined {
  const given = text.trim();
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(given);
  const whole = hasScheme ? given : `${https ? 'https' : 'http'}://${bracketed(given)}`;
  const url = httpUrl(whole);
  if (!url) return undefined;
  if (!hasScheme) {
    if (url.pathname !== '/' || url.search !== '' || url.username !== '' || url.hash !== '') return undefined;
    if (!/:\d+$/.test(whole)) url.port = String(DEFAULT_PORT);
  }
  return url.origin;
}

/** The origin that a `Location` header points to; real masters leave out the scheme (`//10.0.0.1:5050/path`). */
export function redirectOrigin(location: string | undefined, base: string): string | undefined {
  return location ? httpUrl(location, base)?.origin : undefined;
}

/** A bare IPv6 address needs brackets in a URL. */
function bracketed(host: string): string {
  return /^[0-9a-f:.]+$/i.test(host) && host.split(':').length > 2 ? `[${host}]` : host;
}

function httpUrl(text: string, base?: string): URL | undefined {
  if (!URL.canParse(text, base)) return undefined;
  const url = new URL(text, base);
  return /^https?:$/.test(url.protocol) && url.hostname !== '' ? url : undefined;
}
