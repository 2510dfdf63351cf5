/** One server of an ensemble. */
export interface ZooKeeperServer {
  readonly host: string;
  readonly port: number;
}

export interface ZooKeeperAddress {
  readonly servers: readonly ZooKeeperServer[];
  /** Absolute, without a slash at its end; `/` for the root. */
  readonly path: string;
  /** `user:password` for digest authentication. */
  readonly credentials: string | undefined;
}

const DEFAULT_PORT = 2181;

/** Read `zk://[user:password@]host[:port],host[:port]/path`; a text says what is wrong, without the password. */
export function parseZooKeeperUrl(text: string): ZooKeeperAddress | string {
  const m = /^zk:\/\/(?:([^/]*)@)?([^/@]*)(\/.*)?$/i.exec(text.trim());
  if (!m) return 'it is not of the form zk://host:port,host:port/path';
  const [, credentials, hosts = '', given = '/'] = m;
  if (credentials !== undefined && !/^[^:]+:/.test(credentials))
    return 'what stands before @ must be user:password';
  const servers: ZooKeeperServer[] = [];
  for (const host of hosts.split(',').map((h) => h.trim())) {
    const server = parseServer(host);
    if (!server) return host === '' ? 'a server is empty' : `'${host}' is not of the form host:port`;
    servers.push(server);
  }
  const path = given.replace(/\/+$/, '');
  if (path.includes('//') || /\/\.\.?(\/|$)/.test(path) || /\p{Cc}/u.test(path))
    return `the path '${given}' cannot be`;
  return { servers, path: path === '' ? '/' : path, credentials };
}

function parseServer(text: string): ZooKeeperServer | undefined {
  const m = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/@,]+))(?::(\d{1,5}))?$/i.exec(text);
  const host = m?.[1] ?? m?.[2];
  const port = m?.[3] === undefined ? DEFAULT_PORT : Number(m[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** `host:port`, IPv6 in brackets. */
export function serverText({ host, port }: ZooKeeperServer): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
