import type { Peer } from '../../net/index.ts';
import { parseResolver } from '../resolver-address.ts';
import { ipBytes } from '../zone/index.ts';

export interface LoopInput {
  /** Where DNS is answered. */
  readonly host: string;
  readonly port: number;
  readonly resolvers: readonly string[];
  readonly zoneResolvers: Readonly<Record<string, readonly string[]>>;
}

/** Resolvers that are this server itself, as far as the config alone can tell: a question to them would come back for ever. */
export function loopProblems(
  input: LoopInput,
): { readonly path: (string | number)[]; readonly message: string }[] {
  const lists = [
    { path: ['resolvers'], list: input.resolvers },
    ...Object.entries(input.zoneResolvers).map(([zone, list]) => ({ path: ['zoneResolvers', zone], list })),
  ];
  return lists.flatMap(({ path, list }) =>
    list.flatMap((text, i) => {
      const peer = parseResolver(text);
      if (!peer || !isOurselves(peer, input.host, input.port)) return [];
      return [{ path: [...path, i], message: `'${text}' is this server itself; name another resolver` }];
    }),
  );
}

/**
 * Whether a resolver is the address that DNS is answered at. With `0.0.0.0` or `::` that is loopback too, and any of `local`, the
 * addresses that the machine has.
 */
export function isOurselves(peer: Peer, host: string, port: number, local: readonly string[] = []): boolean {
  if (peer.port !== port) return false;
  const key = keyOf(peer.ip);
  if (key === keyOf(host)) return true;
  if (host !== '0.0.0.0' && host !== '::') return false;
  return /^(127\..*|0\.0\.0\.0|(0\.){15}[01])$/.test(key) || local.some((address) => keyOf(address) === key);
}

function keyOf(ip: string): string {
  return ipBytes(ip)?.join('.') ?? ip;
}
