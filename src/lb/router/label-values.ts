import type { BackendPolicy } from '../balancer/policy.ts';
import { isNetwork } from './cidr.ts';
import { HASHES, passwordKind } from './middleware.ts';
import type { BasicAuthMiddleware } from './middleware.ts';

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

const BALANCE: ReadonlyMap<string, BackendPolicy> = new Map<string, BackendPolicy>([
  ['roundrobin', { balance: 'roundrobin' }],
  ['static-rr', { balance: 'roundrobin' }],
  ['leastconn', { balance: 'leastconn' }],
  ['random', { balance: 'random' }],
  ['source', { balance: 'ringhash', hash: { of: 'client' } }],
  ['uri', { balance: 'ringhash', hash: { of: 'path' } }],
]);
const BALANCE_HEADER = /^hdr\(([!#$%&'*+.^_`|~0-9a-z-]+)\)$/;

/** HAProxy's `balance`: how instances are chosen. */
export function parseBalance(value: string | undefined, complain: Complain): BackendPolicy {
  const text = value?.trim().toLowerCase() ?? 'roundrobin';
  const known = BALANCE.get(text);
  if (known !== undefined) return known;
  const header = BALANCE_HEADER.exec(text)?.[1];
  if (header !== undefined) return { balance: 'ringhash', hash: { of: 'header', name: header } };
  complain(
    `'${value}' is not supported, roundrobin is used: write one of ${[...BALANCE.keys()].join(', ')}, hdr(<name>)`,
  );
  return { balance: 'roundrobin' };
}

/** A whole number in a range; undefined, and a complaint, for all else. */
export function parseNumber(
  value: string,
  [least, most]: readonly [number, number],
  what: string,
  complain: Complain,
): number | undefined {
  const text = value.trim();
  if (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  complain(`'${value}' is not ${what}, it is ignored: write a whole number from ${least} to ${most}`);
  return undefined;
}

/** One path; undefined, and a complaint, for all else. */
export function parsePath(value: string, complain: Complain): string | undefined {
  const [path, ...more] = parsePaths(value, complain);
  if (more.length > 0) complain(`there is one path too many: only '${path}' is used`);
  return path;
}

/** Addresses and CIDR blocks, separated by blanks or commas. */
export function parseNetworks(value: string, complain: Complain): string[] {
  const networks: string[] = [];
  for (const text of value.split(/[\s,]+/)) {
    if (text === '') continue;
    if (isNetwork(text)) networks.push(text);
    else complain(`'${text}' is not an address or network, it is left out: write such as 10.0.0.0/8`);
  }
  return networks;
}

/** `realm:user:hash`; undefined, and a complaint, when the password could not be verified. */
export function parseAuth(value: string, complain: Complain): BasicAuthMiddleware | undefined {
  const [realm = '', name = '', ...rest] = value.trim().split(':');
  const hash = rest.join(':');
  if (realm === '' || name === '' || hash === '' || /[^\x20-\x7e]|["\\]/.test(realm + name)) {
    complain("the port is not published: write 'realm:user:hash'");
    return undefined;
  }
  if (passwordKind(hash) === undefined) {
    complain(
      `the port is not published, for the hash of the password is of no kind that can be verified: ${HASHES}`,
    );
    return undefined;
  }
  return { kind: 'basicAuth', realm, users: [{ name, hash }], removeHeader: false };
}

export function parseWeight(value: string | undefined, complain: Complain): number {
  if (value === undefined) return 0;
  const text = value.trim();
  if (/^-?\d{1,7}$/.test(text) && Math.abs(Number(text)) <= MAX_WEIGHT) return Number(text);
  complain(`'${value}' is not a weight, 0 is used: write a whole number up to ${MAX_WEIGHT}`);
  return 0;
}
