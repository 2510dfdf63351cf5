import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { pem, pemBlocks } from '../../core/der.ts';
import { authErrors } from '../errors.ts';
import { keyFault, signatureFault } from '../x509/algorithms.ts';
import { keyIdOf } from '../x509/make.ts';
import { EXTENSION, USAGE, basicConstraints, keyUsage, parseCertificate } from '../x509/parse.ts';
import type { Certificate } from '../x509/parse.ts';
import type { Intermediate, Root } from './state.ts';

/** An intermediate of a foreign authority, as the operator hands it in. */
export interface BroughtIn {
  /** PEM: the intermediate, then each issuer up to and including the root. */
  readonly certificates: string;
  /** PEM; without it the key is the one that a request was made for. */
  readonly privateKey?: string;
}

interface Link {
  readonly says: Certificate;
  readonly x509: X509Certificate;
}

const bad = (reason: string): never => {
  throw authErrors.AUTH_CA_BAD_CERTIFICATE({ reason });
};

/** Throws AUTH_CA_BAD_CERTIFICATE for what leaves below it could not be verified by. */
export function readBroughtIn(
  brought: BroughtIn,
  requestedKey: string | undefined,
  nowMs: number,
): { readonly root: Root; readonly intermediate: Intermediate; readonly privateKey: string } {
  const links = readLinks(brought.certificates);
  const [first] = links;
  const last = links.at(-1);
  if (!first || !last || links.length < 2)
    return bad('an intermediate and its root are needed, at least two certificates');
  if (!last.x509.checkIssued(last.x509) || !last.x509.verify(last.x509.publicKey))
    return bad('the last certificate is no root: it is not signed by itself');
  links.forEach((l, depth) => checkLink(l, links[depth + 1] ?? l, depth, nowMs));
  const privateKey = keyFor(first, brought.privateKey ?? requestedKey);
  const upper = links.slice(0, -1).map(({ says }) => pem('CERTIFICATE', says.der));
  return {
    root: { ...named(last), certificate: pem('CERTIFICATE', last.says.der), own: false },
    intermediate: {
      id: named(first).id,
      certificate: upper.join(''),
      // What it signs must stay within everything above it.
      notBeforeMs: Math.max(...links.map(({ says }) => says.notBeforeMs)),
      notAfterMs: Math.min(...links.map(({ says }) => says.notAfterMs)),
    },
    privateKey,
  };
}

function readLinks(text: string): Link[] {
  try {
    return pemBlocks(text, 'CERTIFICATE').map((bytes) => ({
      says: parseCertificate(bytes),
      x509: new X509Certificate(bytes),
    }));
  } catch {
    return bad('what was given is no certificate in PEM');
  }
}

function checkLink({ says, x509 }: Link, issuer: Link, depth: number, nowMs: number): void {
  const who = `certificate ${depth + 1}`;
  const basic = says.extensions.get(EXTENSION.basicConstraints);
  const { authority = false, pathLength } = basic ? basicConstraints(basic) : {};
  if (!authority) bad(`${who} is no authority`);
  if (pathLength !== undefined && pathLength < depth) bad(`${who} allows too few authorities below it`);
  const usage = says.extensions.get(EXTENSION.keyUsage);
  if (usage && (keyUsage(usage) & USAGE.certSign) === 0) bad(`${who} may not sign certificates`);
  if (nowMs < says.notBeforeMs || nowMs >= says.notAfterMs) bad(`${who} is not valid now`);
  if (keyFault(x509.publicKey) ?? signatureFault(says.algorithmOid)) bad(`${who} is too weak`);
  if (!says.issuer.equals(issuer.says.subject) || !x509.verify(issuer.x509.publicKey))
    bad(`${who} is not signed by the one after it`);
}

function keyFor({ x509 }: Link, text: string | undefined): string {
  if (text === undefined) return bad('no key came with it, and no request was made here');
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    return bad('its key cannot be read: PEM without a passphrase is needed');
  }
  if (!createPublicKey(key).equals(x509.publicKey)) return bad('it is for another key');
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** By its key, as our own are: a certificate may say anything of the id of its key. */
function named({ says, x509 }: Link): Pick<Root, 'id' | 'notBeforeMs' | 'notAfterMs'> {
  const id = keyIdOf(x509.publicKey).toString('hex');
  return { id, notBeforeMs: says.notBeforeMs, notAfterMs: says.notAfterMs };
}
