import type { Metrics, Sample } from '../../core/metrics.ts';
import type { Resolver } from './resolver.ts';
import type { Upstream } from './upstream.ts';

/** Publish what a resolver counts. Upstreams are those of the config, so their label is bounded. */
export function exposeResolverMetrics(metrics: Metrics, resolver: Resolver): void {
  const one = (name: string, help: string, read: () => number): void =>
    metrics.observed(name, help, () => [{ value: read() }]);
  const { cache } = resolver;
  one('rimrock_dns_cache_entries', 'Answers of resolvers that are kept.', () => cache.entries);
  one('rimrock_dns_cache_bytes', 'Estimated memory of the answers that are kept.', () => cache.bytes);
  one('rimrock_dns_cache_hits_total', 'Questions answered from what was kept and fresh.', () => cache.hits);
  one('rimrock_dns_cache_misses_total', 'Questions for which resolvers were needed.', () => cache.misses);
  one('rimrock_dns_cache_evictions_total', 'Answers that went for want of room.', () => cache.evictions);
  one(
    'rimrock_dns_cache_stale_answers_total',
    'Old answers that were given because resolvers failed or were slow.',
    () => resolver.staleAnswers,
  );
  one(
    'rimrock_dns_cache_prefetches_total',
    'Popular answers that were renewed before their end.',
    () => resolver.prefetches,
  );
  one(
    'rimrock_dns_forward_limited_total',
    'Questions that were not forwarded because too many were under way, in all or for one client.',
    () => resolver.rejectedForLimits,
  );
  const each = (name: string, help: string, read: (upstream: Upstream) => number): void =>
    metrics.observed(name, help, () => samples(resolver, read));
  each('rimrock_dns_upstream_up', 'Whether a resolver answers (1), or failed too often (0).', (u) =>
    u.down ? 0 : 1,
  );
  each('rimrock_dns_upstream_requests_total', 'Questions to a resolver.', (u) => u.exchanges);
  each('rimrock_dns_upstream_failures_total', 'Questions that a resolver left open.', (u) => u.failures);
  each('rimrock_dns_upstream_replies_total', 'Questions that a resolver answered.', (u) => u.replies);
  each(
    'rimrock_dns_upstream_reply_seconds_total',
    'Time that these answers took, summed up.',
    (u) => u.replySeconds,
  );
}

function* samples(resolver: Resolver, read: (upstream: Upstream) => number): Generator<Sample> {
  for (const upstream of resolver.upstreams.all())
    yield { labels: { upstream: upstream.name }, value: read(upstream) };
}
