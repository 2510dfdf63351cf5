import type { BackendPolicy, HashSource } from '../balancer/policy.ts';
import type { UpstreamTlsPolicy } from '../balancer/upstream-tls-policy.ts';
import type { CheckPolicy } from '../health/checks/policy.ts';
import type { CanaryMatcher } from '../router/types.ts';
import { given } from './given.ts';
import type { BackendOptions, Canary } from './schema.ts';

/** The options as the balancers take them. */
export function policyOf(options: BackendOptions): BackendPolicy {
  const { sticky, stickyMaxAgeSeconds, slowStartSeconds, drainSeconds, upstream, check } = options;
  const breakers = given({
    connections: options.maxConnections,
    pending: options.maxPending,
    requests: options.maxRequests,
  });
  const spoken = upstream === undefined ? undefined : upstreamOf(upstream);
  const hash = options.hash === undefined ? undefined : hashOf(options.hash);
  return {
    balance: options.balance ?? (hash === undefined ? 'p2c' : 'ringhash'),
    ...given({
      hash: hash ?? (options.balance === 'ringhash' ? ({ of: 'client' } as const) : undefined),
      sticky:
        sticky === undefined
          ? undefined
          : { cookie: sticky, ...given({ maxAgeSeconds: stickyMaxAgeSeconds }) },
      breakers: Object.keys(breakers).length === 0 ? undefined : breakers,
      slowStartMs: slowStartSeconds === undefined ? undefined : Math.round(slowStartSeconds * 1_000),
      drainMs: drainSeconds === undefined ? undefined : Math.round(drainSeconds * 1_000),
      upstream: spoken,
      check: check === undefined ? undefined : checkOf(check, spoken?.tls),
    }),
  };
}

function hashOf(text: string): HashSource {
  const [of, name = ''] = text.split(':', 2);
  if (of === 'header') return { of, name: name.toLowerCase() };
  if (of === 'cookie') return { of, name };
  return { of: of === 'path' ? 'path' : 'client' };
}

function upstreamOf(
  options: NonNullable<BackendOptions['upstream']>,
): NonNullable<BackendPolicy['upstream']> {
  const { protocol = 'http1', tls } = options;
  // Who says how TLS is spoken means that it is.
  const mode = tls?.mode ?? (tls === undefined ? 'off' : 'on');
  if (tls === undefined || mode === 'off' || mode === 'false') return { protocol };
  const { serverName, spiffeId } = tls;
  const mutual = mode === 'mutual';
  const trust = tls.trust ?? (mutual || spiffeId !== undefined ? 'identity' : 'system');
  return { protocol, tls: { mutual, trust, ...given({ serverName, spiffeId }) } };
}

function checkOf(
  options: NonNullable<BackendOptions['check']>,
  tls: UpstreamTlsPolicy | undefined,
): CheckPolicy {
  const { type, path, host, service = '', port, portIndex, rise, fall } = options;
  const kind = type ?? (path === undefined ? 'tcp' : 'http');
  return {
    probe:
      kind === 'tcp'
        ? { kind }
        : kind === 'grpc'
          ? { kind, service }
          : { kind, path: path ?? '/', ...given({ host }) },
    // Nothing is said about TLS at other ports.
    ...given({ port, portIndex, tls: port === undefined && portIndex === undefined ? tls : undefined }),
    intervalMs: Math.round(options.intervalSeconds * 1_000),
    timeoutMs: Math.round(options.timeoutSeconds * 1_000),
    rise,
    fall,
  };
}

/** The header field and the cookie that lead to a target: either is enough. */
export function canaryOf(canary: Canary | undefined): readonly CanaryMatcher[] | undefined {
  const matchers = (['header', 'cookie'] as const).flatMap((of) =>
    Object.entries(canary?.[of] ?? {}).map(([written, value]) => ({
      of,
      name: of === 'header' ? written.toLowerCase() : written,
      ...given({ equals: value === '*' ? undefined : value }),
    })),
  );
  return matchers.length === 0 ? undefined : matchers;
}
