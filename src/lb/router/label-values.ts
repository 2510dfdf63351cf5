import type { BalanceMethod } from './types.ts';

/** Takes what is wrong with one label. */
export type Complain = (reason: string) => void;

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const IPV6 = /^\[[0-9a-f:.]+\]$/;
const MAX_WEIGHT = 1_000_000;

/** Host names, separated by commas: lower case, each `name`, `*.name` or `*`. */
export function parseHosts(value: string, complain: Complain): string[] {
  const hosts = new Set<string>();
  let empty = true;
  for (const item of value.split(',')) {
    const text = item.trim().toLowerCase();
    if (text === '') continue;
    empty = false;
    const host = parseHost(text, complain);
    if (host !== undefined) hosts.add(host);
  }
  if (empty) complain("no host in it: write a host name such as 'www.example.test'");
  return [...hosts];
}

function parseHost(text: string, complain: Complain): string | undefined {
  let host = text;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//.exec(host);
  if (scheme !== null) {
    host = host.slice(scheme[0].length).replace(/\/$/, '');
    complain(`'${text}' has a scheme, which is ignored: write '${host}'`);
  }
  if (host.includes('/')) {
    const [name, ...path] = host.split('/');
    complain(`'${text}' has a path: write '${name}' here and '/${path.join('/')}' in the PATH label`);
    return undefined;
  }
  const port = /^(.*[^:\]]|\[.*\]):\d+$/.exec(host);
  if (port !== null) {
    complain(`'${text}' has a port: write '${port[1]}' alone, requests match on any port`);
    return undefined;
  }
  if (host.endsWith('.')) host = host.slice(0, -1);
  const name = host.startsWith('*.') ? host.slice(2) : host;
  if (host === '*' || HOST_NAME.test(name) || IPV6.test(host)) return host;
  complain(`'${text}' is not a host name: write names such as 'www.example.test', '*.example.test' or '*'`);
  return undefined;
}

/** Path prefixes, separated by blanks. */
export function parsePaths(value: string, complain: Complain): string[] {
  const paths = new Set<string>();
  for (const path of value.split(/\s+/)) {
    if (path === '') continue;
    if (!path.startsWith('/')) complain(`'${path}' does not begin with a slash: write '/${path}'`);
    else if (!/^[\x21-\x7e]+$/.test(path) || /[?#\\]/.test(path))
      complain(
        `'${path}' can never match: write a plain path prefix, percent-encoded, without '?', '#' or '\\'`,
      );
    else paths.add(path);
  }
  if (value.trim() === '') complain("no path in it: write a prefix such as '/api', or remove the label");
  return [...paths];
}

export function parseBoolean(value: string, complain: Complain): boolean {
  const text = value.trim().toLowerCase();
  if (['true', 't', 'yes', 'y'].includes(text)) return true;
  if (!['false', 'f', 'no', 'n'].includes(text))
    complain(`'${value}' counts as false: write 'true' or 'false'`);
  return false;
}

export function parseBalance(value: string | undefined, complain: Complain): BalanceMethod {
  const text = value?.trim().toLowerCase();
  if (text === undefined || text === 'roundrobin') return 'roundrobin';
  if (text === 'leastconn') return 'leastconn';
  complain(`not supported yet: '${value}'; roundrobin is used: write 'roundrobin' or 'leastconn'`);
  return 'roundrobin';
}

export function parseWeight(value: string | undefined, complain: Complain): number {
  if (value === undefined) return 0;
  const text = value.trim();
  if (/^-?\d{1,7}$/.test(text) && Math.abs(Number(text)) <= MAX_WEIGHT) return Number(text);
  complain(`'${value}' is not a weight, 0 is used: write a whole number up to ${MAX_WEIGHT}`);
  return 0;
}
