import type { Metrics } from '../../core/metrics.ts';
import type { Sessions } from '../tokens/sessions.ts';
import type { Directory } from './directory.ts';
import type { Guesses } from './guesses.ts';
import type { Logins } from './logins.ts';

export function exposePeopleMetrics(
  metrics: Metrics,
  parts: {
    readonly logins: Logins['counts'];
    readonly guesses: Guesses;
    readonly sessions: Sessions;
    readonly directory: Directory;
  },
): void {
  const { logins, guesses, sessions, directory } = parts;
  metrics.observed('rimrock_auth_logins_total', 'Attempts to log in, by result.', () =>
    Object.entries(logins).map(([result, value]) => ({ labels: { result }, value })),
  );
  metrics.observed(
    'rimrock_auth_throttled_total',
    'Attempts that had to wait after too many wrong ones.',
    () => [{ value: guesses.throttled }],
  );
  metrics.observed('rimrock_auth_sessions', 'Sessions that are open.', () => [{ value: sessions.size }]);
  metrics.observed('rimrock_auth_accounts', 'People and service accounts.', () => [
    { value: directory.counts.users },
  ]);
}
