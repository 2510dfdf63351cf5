import { randomBytes } from 'node:crypto';
import { Subscribers } from '../../core/subscribers.ts';
import type { IdentityContext, IdentitySource } from '../../core/identity.ts';
import { issueCertificate } from '../../net/index.ts';

export const TRUST_DOMAIN = 'mesos.test';
const DAY_MS = 86_400_000;

const terms = (names: readonly string[], authority: boolean, now: number) => {
  const serial = randomBytes(16);
  serial[0] = 1;
  const [notBefore, notAfter] = [new Date(now - DAY_MS), new Date(now + DAY_MS)];
  return { commonName: authority ? 'test authority' : 'task', names, authority, serial, notBefore, notAfter };
};

/** An authority of a test, with its word on who is believed. */
export class FakeAuthority {
  readonly #now: number;
  readonly #root: ReturnType<typeof issueCertificate>;

  constructor(now: number) {
    this.#now = now;
    this.#root = issueCertificate(terms([], true, now));
  }

  get root(): string {
    return this.#root.certificate;
  }

  /** A certificate for these names, whatever they are. */
  certificate(...names: string[]): { readonly cert: string; readonly key: string } {
    const { certificate, privateKey } = issueCertificate(terms(names, false, this.#now), this.#root);
    return { cert: certificate, key: privateKey };
  }

  identity(path: string, roots: readonly string[] = [this.root]): FakeIdentity {
    return new FakeIdentity(this, path, roots);
  }
}

/** An identity that a test renews. */
export class FakeIdentity implements IdentitySource {
  current: IdentityContext;
  readonly id: string;
  readonly #authority: FakeAuthority;
  readonly #listeners = new Subscribers<IdentityContext>((error) => {
    throw error;
  });

  constructor(authority: FakeAuthority, path: string, roots: readonly string[]) {
    this.#authority = authority;
    this.id = `spiffe://${TRUST_DOMAIN}/${path}`;
    this.current = this.#issue(roots, 1);
  }

  /** A new certificate with a new key; maybe others are believed from now on. */
  renew(roots: readonly string[] = this.current.bundle.roots): void {
    this.current = this.#issue(roots, this.current.bundle.sequence + 1);
    this.#listeners.emit(this.current);
  }

  onChange(listener: (context: IdentityContext) => void): () => void {
    return this.#listeners.add(listener);
  }

  #issue(roots: readonly string[], sequence: number): IdentityContext {
    const { cert: certificateChain, key: privateKey } = this.#authority.certificate(this.id);
    const svid = { id: this.id, certificateChain, privateKey, notBeforeMs: 0, notAfterMs: 0 };
    return { svid, bundle: { trustDomain: TRUST_DOMAIN, roots, sequence } };
  }
}
