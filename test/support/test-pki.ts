import { AUTHORITY, CertificateForge, LEAF } from './certificate-forge.ts';
import type { Extensions, Made, Wanted } from './certificate-forge.ts';

export const RSA = (length: number): string[] => [
  '-algorithm',
  'RSA',
  '-pkeyopt',
  `rsa_keygen_bits:${length}`,
];
export const CURVE = (name: string): string[] => [
  '-algorithm',
  'EC',
  '-pkeyopt',
  `ec_paramgen_curve:${name}`,
];
export const PSS = ['-sha256', '-sigopt', 'rsa_padding_mode:pss'];

/** Templates of GnuTLS. */
export const LEAF_LINES = [
  'cn = "web"',
  'uri = "spiffe://example.org/web"',
  'signing_key',
  'tls_www_server',
  'tls_www_client',
];
export const CA_LINES = ['cn = "Dated"', 'ca', 'cert_signing_key'];

const dated = (from: number, to: number): string[] => [
  `activation_date = "${from}-01-01 00:00:00 UTC"`,
  `expiration_date = "${to}-01-01 00:00:00 UTC"`,
];
export const PAST = dated(2001, 2002);
export const FUTURE = dated(2090, 2091);
export const NOW = dated(2001, 2091);

export const ders = (...made: readonly Made[]): Buffer[] => made.map((m) => m.der);

/** A root, an intermediate below it, and whatever is to be made below or beside them. */
export class TestPki extends CertificateForge {
  root!: Made;
  rsaRoot!: Made;
  intermediate!: Made;

  async prepare(): Promise<void> {
    this.root = await this.newRoot('Root', { days: 2 });
    this.rsaRoot = await this.newRoot('RSA root', { key: RSA(2048) });
    this.intermediate = await this.authority('Intermediate', { days: 2 });
  }

  readonly leaf = (over: Wanted = {}, extensions: Extensions = {}, issuer?: Made): Promise<Made> =>
    this.make({ ...over, extensions: { ...LEAF, ...extensions } }, issuer ?? this.intermediate);

  readonly authority = (
    subject: string,
    over: Wanted = {},
    extensions: Extensions = {},
    issuer?: Made,
  ): Promise<Made> =>
    this.make(
      { subject: `/CN=${subject}`, ...over, extensions: { ...AUTHORITY, ...extensions } },
      issuer ?? this.root,
    );

  readonly newRoot = (subject: string, over: Wanted = {}, extensions: Extensions = {}): Promise<Made> =>
    this.make({ subject: `/CN=${subject}`, ...over, extensions: { ...AUTHORITY, ...extensions } });

  /** A leaf below an intermediate of its own. */
  readonly below = async (
    over: Wanted,
    extensions: Extensions,
    ofLeaf: Extensions = {},
  ): Promise<Buffer[]> => {
    const own = await this.authority('Own', over, extensions);
    return ders(await this.leaf({}, ofLeaf, own), own);
  };

  readonly withExtensions = async (extensions: Extensions, over: Wanted = {}): Promise<Buffer[]> =>
    ders(await this.leaf(over, extensions), this.intermediate);

  readonly withUri = (uri: string): Promise<Buffer[]> =>
    this.withExtensions({ subjectAltName: '@alt' }, { sections: `[alt]\nURI.1=${uri}` });

  /** From GnuTLS, valid from and to whenever the lines say. */
  readonly datedLeaf = (lines: readonly string[], issuer?: Made): Promise<Made> =>
    this.certtool([...LEAF_LINES, ...lines], issuer ?? this.intermediate);
}
