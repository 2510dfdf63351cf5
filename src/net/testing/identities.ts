import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { issueCertificate } from '../tls/issue.ts';
import type { CertificateRequest, Identity } from '../tls/issue.ts';

const DAY_MS = 86_400_000;

/** An authority for tests, which does not outlive them. */
export class TestAuthority {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #identity: Identity;

  constructor(clock: Pick<Clock, 'now'>, name = 'test authority') {
    this.#clock = clock;
    this.#identity = issueCertificate(this.#terms({ commonName: name, authority: true }));
  }

  /** PEM, for those who shall trust it. */
  get root(): string {
    return this.#identity.certificate;
  }

  /** A certificate for these names, the first of which is also its common name; good for a day either way. */
  issue(
    names: readonly string[],
    more: Partial<CertificateRequest> = {},
  ): { certificateChain: string; privateKey: string } {
    const request = this.#terms({ commonName: names[0] ?? 'nobody', names, ...more });
    const { certificate, privateKey } = issueCertificate(request, this.#identity);
    return { certificateChain: certificate, privateKey };
  }

  #terms(request: Partial<CertificateRequest> & { commonName: string }): CertificateRequest {
    const serial = randomBytes(16);
    serial[0] = 1;
    const now = this.#clock.now();
    return { serial, notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS), ...request };
  }
}
