/** `host:port` or a URL as the origin of an HTTP server, without a slash at the end. */
export function originOf(master: string): string {
  return (/^https?:\/\//.test(master) ? master : `http://${master}`).replace(/\/+$/, '');
}

/** Where a redirect of a master leads: `Location: //host:port/...` (no scheme) as an origin; undefined if nowhere. */
export function redirectOrigin(location: string | undefined, from: string): string | undefined {
  if (location === undefined || !URL.canParse(location, from)) return undefined;
  const url = new URL(location, from);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.origin : undefined;
}
