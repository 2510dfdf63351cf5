import { isIp } from '../model/index.ts';
import type { MasterEndpoint } from '../model/index.ts';

const DEFAULT_PORT = 5050;

/**
 * The origin (`http://10.0.0.1:5050`) of a master given as `host`, `host:port`, `[v6]:port`, or an http or https URL;
 * a URL without port has its scheme's. Undefined when it is none of these.
 */
export function parseMaster(text: string, https: boolean): string | undefined {
  const given = text.trim();
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(given);
  const whole = hasScheme ? given : `${https ? 'https' : 'http'}://${bracketed(given)}`;
  const url = parseUrl(whole);
  if (!url || url.hostname === '' || !/^https?:$/.test(url.protocol)) return undefined;
  if (!hasScheme) {
    if (url.pathname !== '/' || url.search !== '' || url.username !== '' || url.hash !== '') return undefined;
    if (!/:\d+$/.test(whole)) url.port = String(DEFAULT_PORT);
  }
  return url.origin;
}

function bracketed(host: string): string {
  return isIp(host) && host.includes(':') ? `[${host}]` : host;
}

/** The origin that a `Location` header points to; real masters leave out the scheme (`//10.0.0.1:5050`). */
export function locationOrigin(location: string | undefined, base: string): string | undefined {
  if (location === undefined || location === '') return undefined;
  const url = parseUrl(location, base);
  return url && /^https?:$/.test(url.protocol) ? url.origin : undefined;
}

/** Address of an origin, where its host is an IP literal. */
export function endpointOfOrigin(origin: string): MasterEndpoint | undefined {
  const url = parseUrl(origin);
  if (!url) return undefined;
  const ip = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return isIp(ip) ? { ip, port } : undefined;
}

/** The same origin on another host. */
export function onHost(origin: string, ip: string): string {
  const url = new URL(origin);
  url.hostname = ip.includes(':') ? `[${ip}]` : ip;
  return url.origin;
}

function parseUrl(text: string, base?: string): URL | undefined {
  return URL.canParse(text, base) ? new URL(text, base) : undefined;
}
