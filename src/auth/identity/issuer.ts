import type { TrustBundle } from '../../core/identity.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { Validity } from '../x509/make.ts';

/** A certificate for a key, and what stands between it and the root. */
export interface IssuedChain extends Validity {
  /** The SPIFFE id. */
  readonly id: string;
  /** PEM. */
  readonly certificateChain: string;
  /** The id of the root that it comes from. */
  readonly root: string;
}

/** What an authority tells everybody. */
export interface AuthorityNews {
  readonly bundle: TrustBundle;
  /** Ids of roots: renew what comes from them now. */
  readonly tainted: readonly string[];
}

/** An authority, as one who gets an identity from it sees it. Who that is and what it is called, the issuer knows. */
export interface Issuer {
  /** For a public key (PEM, SPKI). The private key (PEM, PKCS#8) is for proving that one has it, and goes nowhere. */
  issue(publicKey: string, privateKey: string): Promise<IssuedChain>;
  /** Told at once what is known, and each change soon. */
  follow(listener: (news: AuthorityNews) => void): Unsubscribe;
}
