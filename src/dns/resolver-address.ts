import type { Peer } from '../net/index.ts';
import { ipBytes } from './zone/index.ts';

/** `10.0.0.2`, `10.0.0.2:5353`, `2001:db8::1` or `[2001:db8::1]:53` as an address; undefined when it is none. */
export function parseResolver(text: string): Peer | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const v4 = /^([\d.]+)(?::(\d{1,5}))?$/.exec(text);
  const ip = bracketed?.[1] ?? v4?.[1] ?? text;
  const port = Number(bracketed?.[2] ?? v4?.[2] ?? 53);
  return ipBytes(ip) && port >= 1 && port <= 65535 ? { ip, port } : undefined;
}

/** Duplicates in a list of resolvers, by what they mean rather than how they are written. */
export function resolverProblems(list: readonly string[]): string[] {
  const seen = new Set<string>();
  return list.flatMap((text) => {
    const peer = parseResolver(text);
    if (!peer) return [];
    const key = `${ipBytes(peer.ip)?.join('.') ?? ''}:${peer.port}`;
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [`duplicate found: ${text}`];
  });
}

/** Labels of letters, digits and hyphens with single dots between them (mesos-dns.md §2). */
export function isDomain(text: string): boolean {
  return /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i.test(text) && text.length <= 253;
}

/** Zones that lie within another zone or the domain, or hold it: which resolver would be meant is ambiguous. */
export function masking(
  zones: readonly string[],
  domain: string,
): { readonly zone: string; readonly by: string }[] {
  const all = [...zones, domain];
  return all.flatMap((zone) =>
    all.filter((by) => by !== zone && zone.endsWith(`.${by}`)).map((by) => ({ zone, by })),
  );
}
