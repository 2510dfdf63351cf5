import { X509Certificate } from 'node:crypto';
import { DerError, pemBlocks } from '../../core/der.ts';
import type { TrustBundle } from '../../core/identity.ts';
import { readSpiffeId } from '../identity/spiffe-id.ts';
import { keyFault, signatureFault } from './algorithms.ts';
import { refuse, Refused } from './faults.ts';
import type { Fault } from './faults.ts';
import { checkNames } from './names.ts';
import {
  EXTENSION,
  USAGE,
  alternativeNames,
  authorityKeyId,
  basicConstraints,
  extendedUsages,
  keyUsage,
  nameConstraints,
  parseCertificate,
  subjectKeyId,
} from './parse.ts';
import type { Certificate, Extension, Name } from './parse.ts';

export type Judgement =
  /** The id of the workload. */
  | { readonly ok: true; readonly id: string; readonly notAfterMs: number }
  | { readonly ok: false; readonly code: Fault; readonly detail: string };

/** A bundle, read once. */
export interface Trust {
  readonly trustDomain: string;
  readonly anchors: readonly Link[];
}

/** A certificate as it says of itself, and as OpenSSL sees it. */
interface Link {
  readonly says: Certificate;
  readonly x509: X509Certificate;
}

export interface JudgeOptions {
  readonly nowMs: number;
  /** What the peer is to us; `either` where that does not matter. */
  readonly role?: 'client' | 'server' | 'either';
  /** By how much clocks may differ. */
  readonly skewMs?: number;
}

/** Clocks of machines that keep time differ by less. */
export const SKEW_MS = 20_000;
/** A leaf and three authorities; longer chains are for making judges work. */
const LONGEST_CHAIN = 4;
const LARGEST_BYTES = 65_536;

/** Read a bundle. Throws DerError for a root that is no certificate. */
export function readTrust(bundle: Pick<TrustBundle, 'trustDomain' | 'roots'>): Trust {
  const anchors = bundle.roots.flatMap((root) => pemBlocks(root, 'CERTIFICATE')).map(link);
  return { trustDomain: bundle.trustDomain, anchors };
}

/** The certificates of a PEM text as `judge` takes them. */
export const chainOf = (pemText: string): Buffer[] => pemBlocks(pemText, 'CERTIFICATE');

/**
 * Whether a chain (DER, the leaf first, each signed by the next) is an X.509-SVID of the trust domain: SPIFFE X509-SVID §5, on top of
 * RFC 5280 §6. Never throws; every reason to refuse has a code of its own.
 */
export function judge(chain: readonly Uint8Array[], trust: Trust, options: JudgeOptions): Judgement {
  try {
    const links = readChain(chain);
    const [leaf, ...others] = links;
    if (!leaf) return refuse('no-certificate', 'nothing was shown');
    links.forEach((l, depth) => checkForm(l, depth));
    const { authorities, anchor } = buildPath(leaf, others, trust);
    checkTimes(leaf, authorities, anchor, options);
    [...authorities, anchor].forEach((authority, depth) =>
      checkAuthority(authority, depth, depth === authorities.length, trust),
    );
    checkLeaf(leaf, options.role ?? 'either');
    const names = namesOf(leaf);
    const id = idOf(names, trust);
    for (const { says } of [...authorities, anchor]) {
      const constraints = says.extensions.get(EXTENSION.nameConstraints);
      if (constraints) checkNames(names, nameConstraints(constraints));
    }
    return { ok: true, id, notAfterMs: leaf.says.notAfterMs };
  } catch (error) {
    return judgementOf(error);
  }
}

/**
 * The same for a leaf whose chain OpenSSL has verified in the handshake, against the bundle and at that time: what is left to say is whether it
 * is an X.509-SVID of the trust domain. Never throws.
 */
export function judgeLeaf(
  bytes: Uint8Array,
  trustDomain: string,
  role: NonNullable<JudgeOptions['role']>,
): Judgement {
  try {
    const [leaf] = readChain([bytes]);
    if (!leaf) return refuse('no-certificate', 'nothing was shown');
    checkForm(leaf, 0);
    checkLeaf(leaf, role);
    return { ok: true, id: idOf(namesOf(leaf), { trustDomain }), notAfterMs: leaf.says.notAfterMs };
  } catch (error) {
    return judgementOf(error);
  }
}

function judgementOf(error: unknown): Judgement {
  if (error instanceof Refused) return { ok: false, code: error.code, detail: error.message };
  if (error instanceof DerError) return { ok: false, code: 'bad-extension', detail: error.message };
  return { ok: false, code: 'unreadable', detail: 'what was shown is no certificate' };
}

function link(bytes: Uint8Array): Link {
  return { says: parseCertificate(bytes), x509: new X509Certificate(bytes) };
}

function readChain(chain: readonly Uint8Array[]): Link[] {
  if (chain.length > LONGEST_CHAIN) refuse('chain-too-long', `${chain.length} certificates`);
  return chain.map((bytes, depth) => {
    if (bytes.length > LARGEST_BYTES) refuse('certificate-too-large', `${bytes.length} bytes`);
    try {
      return link(bytes);
    } catch (error) {
      const detail = error instanceof DerError ? error.message : 'OpenSSL cannot read it';
      return refuse(depth === 0 ? 'unreadable' : 'issuer-unreadable', detail);
    }
  });
}

const KNOWN: ReadonlySet<string> = new Set(Object.values(EXTENSION));

/** What must hold for any certificate, whoever it is of. */
function checkForm({ says, x509 }: Link, depth: number): void {
  const leaf = depth === 0;
  if (says.version !== 3) refuse(leaf ? 'not-version-3' : 'issuer-not-version-3', `version ${says.version}`);
  if (!says.algorithm.equals(says.signedAlgorithm)) refuse('algorithms-differ', says.algorithmOid);
  const weak = signatureFault(says.algorithmOid);
  if (weak) refuse(leaf ? weak : (`issuer-${weak}` as const), says.algorithmOid);
  const key = keyFault(x509.publicKey);
  if (key) refuse(leaf ? key.fault : (`issuer-${key.fault}` as const), key.detail);
  const { serial } = says;
  if (serial.length === 0 || (serial[0] ?? 0) >= 0x80 || serial.every((byte) => byte === 0))
    refuse('serial-not-positive', serial.toString('hex'));
  if (serial.length > 20) refuse('serial-too-long', `${serial.length} bytes`);
  if (says.duplicates) refuse('duplicate-extension', 'an extension stands there twice');
  for (const [id, { critical }] of says.extensions)
    if (critical && !KNOWN.has(id)) refuse('unknown-critical-extension', id);
  if (says.notAfterMs < says.notBeforeMs) refuse('validity-inverted', x509.validTo);
}

interface Path {
  /** From the issuer of the leaf up to, and without, the anchor. */
  readonly authorities: readonly Link[];
  readonly anchor: Link;
}

/** The chain must be in order; a root at its end does no harm when it is one of ours. */
function buildPath(leaf: Link, others: readonly Link[], trust: Trust): Path {
  if (trust.anchors.some(({ says }) => says.der.equals(leaf.says.der)))
    refuse('leaf-is-root', 'a root was shown as a leaf');
  const authorities: Link[] = [];
  let at = leaf;
  for (const next of [...others, undefined]) {
    const anchor = trust.anchors.find((a) => signs(a, at));
    if (anchor) return { authorities, anchor };
    if (!next) break;
    const first = authorities.length === 0;
    if (!next.says.subject.equals(at.says.issuer))
      refuse('chain-broken', 'a certificate that is not of the issuer');
    if (!keyIdsMatch(next, at)) refuse('key-id-mismatch', 'the issuer has another key');
    if (!at.x509.verify(next.x509.publicKey))
      refuse(first ? 'bad-signature' : 'issuer-bad-signature', 'the signature is not of the issuer');
    authorities.push(next);
    at = next;
  }
  return refuseUnanchored(leaf, at, trust);
}

function signs(issuer: Link, subject: Link): boolean {
  return (
    issuer.says.subject.equals(subject.says.issuer) &&
    keyIdsMatch(issuer, subject) &&
    subject.x509.verify(issuer.x509.publicKey)
  );
}

function keyIdsMatch(issuer: Link, subject: Link): boolean {
  const wanted = subject.says.extensions.get(EXTENSION.authorityKeyId);
  const own = issuer.says.extensions.get(EXTENSION.subjectKeyId);
  const id = wanted && authorityKeyId(wanted);
  return !id || !own || id.equals(subjectKeyId(own));
}

function refuseUnanchored(leaf: Link, last: Link, trust: Trust): never {
  if (leaf.says.issuer.equals(leaf.says.subject)) refuse('self-signed', 'the leaf signed itself');
  const named = trust.anchors.find((a) => a.says.subject.equals(last.says.issuer));
  if (!named) return refuse('unknown-authority', 'no root that we trust has that name');
  if (last.says.subject.equals(last.says.issuer))
    return refuse('root-twin', 'a root by the name of one of ours, with another key');
  if (!keyIdsMatch(named, last)) return refuse('root-other-key', 'our root of that name has another key');
  return refuse('not-by-our-root', 'our root of that name did not sign it');
}

/** Each certificate of the path must be valid now; of the leaf the reason is told first. */
function checkTimes(leaf: Link, authorities: readonly Link[], anchor: Link, options: JudgeOptions): void {
  const { nowMs, skewMs = SKEW_MS } = options;
  const check = ({ says, x509 }: Link, early: Fault, late: Fault): void => {
    if (nowMs + skewMs < says.notBeforeMs) refuse(early, `not before ${x509.validFrom}`);
    if (nowMs - skewMs > says.notAfterMs) refuse(late, `not after ${x509.validTo}`);
  };
  check(leaf, 'not-yet-valid', 'expired');
  for (const authority of authorities) check(authority, 'issuer-not-yet-valid', 'issuer-expired');
  check(anchor, 'root-not-yet-valid', 'root-expired');
}

/** `below`: how many authorities stand between it and the leaf. */
function checkAuthority({ says }: Link, below: number, isAnchor: boolean, trust: Trust): void {
  const { extensions } = says;
  const basic = extensions.get(EXTENSION.basicConstraints);
  if (!basic) return refuse('issuer-no-constraints', 'an issuer does not say that it is an authority');
  const { authority, pathLength } = basicConstraints(basic);
  if (!authority) refuse('issuer-not-authority', 'an issuer is no authority');
  if (pathLength !== undefined && below > pathLength)
    refuse(
      isAnchor ? 'root-path-too-long' : 'path-too-long',
      `${below} authorities below, ${pathLength} may be`,
    );
  const usage = extensions.get(EXTENSION.keyUsage);
  if (usage && (keyUsage(usage) & USAGE.certSign) === 0) refuse('issuer-may-not-sign', 'no keyCertSign');
  if (!usage && !isAnchor) refuse('issuer-no-key-usage', 'an issuer without key usage');
  const extended = extensions.get(EXTENSION.extendedUsage);
  if (extended && !extendedUsages(extended).some((u) => u === SERVER || u === CLIENT || u === ANY))
    refuse('issuer-other-purpose', 'an issuer for another purpose');
  checkAuthorityNames(extensions.get(EXTENSION.alternativeNames), trust);
}

/** An authority may have an id, which is that of its trust domain (SPIFFE X509-SVID §3.2). */
function checkAuthorityNames(extension: Extension | undefined, trust: Trust): void {
  if (!extension) return;
  for (const name of alternativeNames(extension)) {
    if (name.kind !== 'uri' || !name.text.startsWith('spiffe://')) continue;
    if (name.text !== `spiffe://${trust.trustDomain}`) refuse('issuer-other-trust-domain', name.text);
  }
}

const SERVER = '1.3.6.1.5.5.7.3.1';
const CLIENT = '1.3.6.1.5.5.7.3.2';
const ANY = '2.5.29.37.0';

/** What makes a leaf one (SPIFFE X509-SVID §4 and §5.2). */
function checkLeaf({ says: { extensions } }: Link, role: NonNullable<JudgeOptions['role']>): void {
  const basic = extensions.get(EXTENSION.basicConstraints);
  if (basic && basicConstraints(basic).authority)
    refuse('leaf-is-authority', 'a leaf must not be an authority');
  if (extensions.has(EXTENSION.nameConstraints)) refuse('leaf-constrains-names', 'that is for authorities');
  const usage = extensions.get(EXTENSION.keyUsage);
  if (!usage) return refuse('no-key-usage', 'key usage is missing');
  const may = keyUsage(usage);
  if ((may & USAGE.certSign) !== 0) refuse('leaf-may-sign', 'a leaf must not have keyCertSign');
  if ((may & USAGE.crlSign) !== 0) refuse('leaf-may-revoke', 'a leaf must not have cRLSign');
  if ((may & USAGE.digitalSignature) === 0) refuse('no-digital-signature', 'digitalSignature is missing');
  const extended = extensions.get(EXTENSION.extendedUsage);
  if (!extended) return refuse('no-extended-usage', 'extended key usage is missing');
  const purposes = extendedUsages(extended);
  const client = purposes.includes(CLIENT);
  const server = purposes.includes(SERVER);
  if (!client && !server) refuse('not-for-tls', purposes.join(', '));
  if (role === 'client' && !client) refuse('not-for-clients', 'clientAuth is missing');
  if (role === 'server' && !server) refuse('not-for-servers', 'serverAuth is missing');
}

function namesOf({ says }: Link): readonly Name[] {
  const extension = says.extensions.get(EXTENSION.alternativeNames);
  return extension
    ? alternativeNames(extension)
    : refuse('no-names', 'subject alternative names are missing');
}

function idOf(names: readonly Name[], trust: Pick<Trust, 'trustDomain'>): string {
  const [uri, second] = names.flatMap((n) => (n.kind === 'uri' ? [n.text] : []));
  if (uri === undefined) return refuse('no-uri', 'there is no URI among the names');
  if (second !== undefined) refuse('several-uris', `${uri}, ${second}`);
  const reading = readSpiffeId(uri);
  if (!reading.ok) return refuse(reading.fault, uri);
  if (reading.trustDomain !== trust.trustDomain) refuse('other-trust-domain', uri);
  return uri;
}
