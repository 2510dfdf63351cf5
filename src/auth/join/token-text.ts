import { createHash } from 'node:crypto';
import { pemBlocks } from '../../core/der.ts';
import { joinErrors } from './errors.ts';

/** A join token, as it is handed around: `<id>.<secret>.<SHA-256 of the root>`. */
export interface TokenText {
  readonly id: string;
  /** 256 bits, base64url. */
  readonly secret: string;
  /** Hexadecimal; by it the first contact needs no other trust. */
  readonly root: string;
}

const FORM = /^([0-9a-f]{16})\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})$/;

/** Throws AUTH_JOIN_TOKEN_BAD, which does not say what was read. */
export function readToken(text: string): TokenText {
  const [, id, secret, root] = FORM.exec(text.trim()) ?? [];
  if (id === undefined || secret === undefined || root === undefined) throw joinErrors.AUTH_JOIN_TOKEN_BAD();
  return { id, secret, root };
}

export function writeToken({ id, secret, root }: TokenText): string {
  return `${id}.${secret}.${root}`;
}

/** Of a root in PEM, over its DER. */
export function rootHash(certificate: string): string {
  const [bytes] = pemBlocks(certificate, 'CERTIFICATE');
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
}

/** What is kept of a secret. It is random and long, so one pass is enough. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
