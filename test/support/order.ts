/** What measures the pace of this machine has it for itself: latencies, pauses, a peak and what is left of it at twice the load. */
export const ALONE: readonly string[] = [
  'test/chaos/long-answers.test.ts',
  'test/chaos/snapshot.test.ts',
  'test/conformance/dns/flood.test.ts',
  'test/conformance/dns/freshness.test.ts',
  'test/conformance/dns/overload.test.ts',
  'test/conformance/dns/tcp-abuse.test.ts',
  'test/conformance/http/crash.test.ts',
  'test/conformance/http/http2.test.ts',
  'test/conformance/http/overload.test.ts',
  'test/conformance/http/slow.test.ts',
  'test/conformance/http/soak.test.ts',
  'test/conformance/http/streaming.test.ts',
];

/** What takes longest begins first, so that none of it is left over at the end, with nothing beside it. */
export const LONGEST: readonly string[] = [
  'test/chaos/rolling.test.ts',
  'test/chaos/game-day.test.ts',
  'test/conformance/http/upgrade.test.ts',
  'test/interop/acme.test.ts',
  'test/interop/docker.test.ts',
  'test/e2e/package.test.ts',
  'test/simulation/simulation.test.ts',
];
