import type { Metrics, Sample } from '../../core/metrics.ts';
import type { Audit } from './audit.ts';
import type { Authority } from './authority.ts';

export function exposeAuthorityMetrics(metrics: Metrics, authority: Authority, audit: Audit): void {
  const { counts } = authority;
  metrics.observed(
    'rimrock_auth_certificates_issued_total',
    'Certificates that were issued, by kind.',
    () => [
      { labels: { kind: 'leaf' }, value: counts.leaves },
      { labels: { kind: 'authority' }, value: counts.authorities },
    ],
  );
  metrics.observed(
    'rimrock_auth_certificates_refused_total',
    'Requests for a certificate that were refused.',
    () => [{ value: counts.refused }],
  );
  metrics.observed(
    'rimrock_auth_certificate_life_left_seconds',
    'What is left of the life of the root and of the intermediate that sign.',
    () => Array.from(authority.lifeLeft(), ([what, ms]): Sample => ({ labels: { what }, value: ms / 1000 })),
  );
  metrics.observed(
    'rimrock_auth_authority_alarm',
    '1 when somebody must look at the certificate authority: less than a third of a life is left, or a key is gone.',
    () => [{ value: authority.alarm() === undefined ? 0 : 1 }],
  );
  metrics.observed(
    'rimrock_auth_audit_lost_total',
    'Entries of the audit log that could not be written.',
    () => [{ value: audit.lost }],
  );
}
