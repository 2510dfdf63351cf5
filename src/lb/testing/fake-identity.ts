import type { IdentityContext, IdentitySource } from '../../core/identity.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { FakeAuthority } from './fake-authority.ts';

export const TRUST_DOMAIN = 'mesos.test';

/** An identity that a test issues, and issues anew. */
export class FakeIdentity implements IdentitySource {
  current: IdentityContext | undefined;
  readonly #authority: FakeAuthority;
  readonly #subscribers = new Subscribers<IdentityContext>((error) => {
    throw error;
  });
  #sequence = 0;

  constructor(authority: FakeAuthority) {
    this.#authority = authority;
  }

  /** `path` follows the trust domain; `roots`: who is believed from now on, the authority unless said; `names`: besides the id. */
  issue(
    path: string,
    roots: readonly string[] = [this.#authority.root],
    names: readonly string[] = [],
  ): void {
    const id = `spiffe://${TRUST_DOMAIN}/${path}`;
    this.#sequence += 1;
    const svid = {
      id,
      ...this.#authority.issue([id, ...names]),
      notBeforeMs: 0,
      notAfterMs: Number.MAX_SAFE_INTEGER,
    };
    this.current = { svid, bundle: { trustDomain: TRUST_DOMAIN, roots, sequence: this.#sequence } };
    this.#subscribers.emit(this.current);
  }

  onChange(listener: (context: IdentityContext) => void): () => void {
    return this.#subscribers.add(listener);
  }
}
