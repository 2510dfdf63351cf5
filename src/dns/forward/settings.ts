import { getServers } from 'node:dns';
import type { Logger } from '../../core/log.ts';
import type { Peer } from '../../net/index.ts';
import type { DnsConfig } from '../config.ts';
import { addressesOf } from '../local-addresses.ts';
import { parseResolver } from '../resolver-address.ts';
import { isOurselves } from './loops.ts';
import type { ResolverSettings } from './resolver.ts';

/** What the resolver needs of a checked config. Resolvers that are this server itself are left out, and the log says so. */
export function resolverSettings(config: DnsConfig, log: Logger): ResolverSettings {
  const local = addressesOf(config.host);
  const peers = (texts: readonly string[]): Peer[] =>
    texts
      .flatMap((text) => parseResolver(text) ?? [])
      .filter((peer) => {
        const loop = isOurselves(peer, config.host, config.port, local);
        if (loop) log.warn({ upstream: peer }, 'a resolver is this server itself; it is not asked');
        return !loop;
      });
  return {
    resolvers: peers(config.resolvers.length > 0 ? config.resolvers : systemResolvers()),
    zoneResolvers: new Map(
      Object.entries(config.zoneResolvers).map(([zone, list]) => [`${zone}.`, peers(list)]),
    ),
    timeoutMs: config.forwardTimeoutMs,
    maxForwards: config.maxForwards,
    udpPayloadBytes: config.udpPayloadBytes,
    setTruncateBit: config.setTruncateBit,
    localZones: config.localZones,
    cache: config.cache,
    upstreams: config.upstreams,
  };
}

/** The system's resolvers, without local ones: those may well ask us again. */
function systemResolvers(): string[] {
  return getServers().filter((text) => !/^(127\.|\[?::1\]?(:|$))/.test(text));
}
