/** A service key where it begins an id: the signs that end it are escaped, so that no service can take another's ids. */
function owner(serviceKey: string): string {
  return serviceKey.replace(/[%#:]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
}

/** Id of a route of marathon-lb's labels. */
export const portRouteId = (serviceKey: string, port: number, host: string, path: string): string =>
  `${owner(serviceKey)}#${port}/${host}${path}`;

/** Id of a route of a named rule. */
export const namedRouteId = (serviceKey: string, name: string, what: string): string =>
  `${owner(serviceKey)}:${name}/${what}`;
