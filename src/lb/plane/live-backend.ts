import type { Backend } from '../forward/index.ts';
import type { LiveBackend } from './messages.ts';

/** The endpoints of a backend as they are `now`, monotonic milliseconds; none where nobody knows the backend. */
export function liveBackend(key: string, backend: Backend | undefined, now: number): LiveBackend {
  const seen = backend?.balancer.inspect({ now, tried: [] }) ?? [];
  return {
    key,
    endpoints: seen.map(({ endpoint, inFlight, eligibility }) => ({
      key: endpoint.key,
      inFlight,
      waiting: backend?.waitingAt(endpoint.key) ?? 0,
      eligibility,
    })),
  };
}
