import type { SpiffeIdFault } from '../identity/spiffe-id.ts';
import type { KeyFault, SignatureFault } from './algorithms.ts';

/** Why a certificate is refused. */
export type Fault =
  | SpiffeIdFault
  | SignatureFault
  | KeyFault
  | `issuer-${SignatureFault | KeyFault}`
  | 'no-certificate'
  | 'chain-too-long'
  | 'certificate-too-large'
  | 'unreadable'
  | 'issuer-unreadable'
  | 'bad-extension'
  | 'not-version-3'
  | 'issuer-not-version-3'
  | 'algorithms-differ'
  | 'serial-not-positive'
  | 'serial-too-long'
  | 'duplicate-extension'
  | 'unknown-critical-extension'
  | 'validity-inverted'
  | 'leaf-is-root'
  | 'chain-broken'
  | 'key-id-mismatch'
  | 'bad-signature'
  | 'issuer-bad-signature'
  | 'self-signed'
  | 'unknown-authority'
  | 'root-twin'
  | 'root-other-key'
  | 'not-by-our-root'
  | 'not-yet-valid'
  | 'expired'
  | 'issuer-not-yet-valid'
  | 'issuer-expired'
  | 'root-not-yet-valid'
  | 'root-expired'
  | 'issuer-no-constraints'
  | 'issuer-not-authority'
  | 'path-too-long'
  | 'root-path-too-long'
  | 'issuer-may-not-sign'
  | 'issuer-no-key-usage'
  | 'issuer-other-purpose'
  | 'issuer-other-trust-domain'
  | 'leaf-is-authority'
  | 'leaf-constrains-names'
  | 'no-key-usage'
  | 'leaf-may-sign'
  | 'leaf-may-revoke'
  | 'no-digital-signature'
  | 'no-extended-usage'
  | 'not-for-tls'
  | 'not-for-clients'
  | 'not-for-servers'
  | 'no-names'
  | 'no-uri'
  | 'several-uris'
  | 'other-trust-domain'
  | 'name-excluded'
  | 'name-not-permitted'
  | 'constraint-unknown';

/** On its way to the judgement; it never leaves this folder. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: Fault;

  constructor(code: Fault, detail: string) {
    super(detail);
    this.code = code;
  }
}

export function refuse(code: Fault, detail: string): never {
  throw new Refused(code, detail);
}
