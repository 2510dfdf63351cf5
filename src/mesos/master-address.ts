const DEFAULT_PORT = 5050;
const CONSUL_PORT = 8500;

/** The masters that somebody is to follow. */
export type MasterPlaces =
  | { readonly kind: 'list'; readonly origins: readonly string[] }
  /** Whoever holds the lock on a key of Consul leads, and has written its MasterInfo into it. */
  | {
      readonly kind: 'consul';
      readonly key: { readonly origin: string; readonly key: string; readonly token: string };
    };

/**
 * Read `host:port` or a URL of a master, several with commas between, or `consul://[:token@]host:port/prefix` (`consuls://` for
 * https), the prefix being that of the masters' store. A text says what is wrong.
 */
export function masterPlaces(text: string): MasterPlaces | string {
  if (/^consuls?:/i.test(text.trim())) return consulPlaces(text.trim());
  const names = text.split(',').filter((name) => name.trim() !== '');
  const origins = names.map((name) => masterOrigin(name));
  const bad = names[origins.indexOf(undefined)];
  if (bad !== undefined) return `'${bad.trim()}' is no address of a master`;
  return names.length === 0 ? 'name at least one master' : { kind: 'list', origins: origins as string[] };
}

/** The same text as it may be told to anybody: without its token, or the passwords in it. */
export function shownMaster(text: string): string {
  return text.replace(/(:\/\/[^/@:]*):[^/]*@/g, '$1:********@');
}

function consulPlaces(text: string): MasterPlaces | string {
  const url = text.replace(/^consul(s?):/i, 'http$1:');
  const prefix = URL.canParse(url) ? new URL(url).pathname.replace(/^\/+|\/+$/g, '') : '';
  if (prefix === '') return 'write consul://host:port/prefix, with the prefix of the masters’ store';
  const { protocol, hostname, port, password } = new URL(url);
  // Those that are never written into a URL are taken for the default of http.
  const origin = `${protocol}//${hostname}:${port === '' ? portOf(text) : port}`;
  const key = `${decodeURIComponent(prefix)}/elections/master/leader`;
  return { kind: 'consul', key: { origin, key, token: decodeURIComponent(password) } };
}

/** A URL leaves out the port that its scheme has by default. */
function portOf(text: string): number {
  const written = /^[^:]+:\/\/[^/]*:(\d+)(?:\/|$)/.exec(text)?.[1];
  return written === undefined ? CONSUL_PORT : Number(written);
}

/** `http://ip:port` out of the JSON of a MasterInfo, undefined when it has no such thing. */
export function originOfMasterInfo(json: string): string | undefined {
  let info: { address?: { ip?: unknown; port?: unknown } | null } | null;
  try {
    info = JSON.parse(json) as typeof info;
  } catch {
    return undefined;
  }
  const { ip, port } = info?.address ?? {};
  if (typeof ip !== 'string' || typeof port !== 'number') return undefined;
  return masterOrigin(`${bracketed(ip)}:${port}`);
}

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
