import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { issueCertificate } from '../../net/index.ts';

const DAY_MS = 86_400_000;

/** Issues certificates for tests. */
export class FakeAuthority {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #identity: ReturnType<typeof issueCertificate>;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#identity = issueCertificate({ commonName: 'test authority', authority: true, ...this.#terms() });
  }

  /** PEM, for those who shall trust it. */
  get root(): string {
    return this.#identity.certificate;
  }

  /** PEM; the first name is also the common name. */
  issue(names: readonly string[]): { certificateChain: string; privateKey: string } {
    const request = { commonName: names[0] ?? 'nobody', names, ...this.#terms() };
    const { certificate, privateKey } = issueCertificate(request, this.#identity);
    return { certificateChain: certificate, privateKey };
  }

  #terms(): { serial: Uint8Array; notBefore: Date; notAfter: Date } {
    const serial = randomBytes(16);
    serial[0] = 1;
    const now = this.#clock.now();
    return { serial, notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS) };
  }
}
