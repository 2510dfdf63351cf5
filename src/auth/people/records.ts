import { createPublicKey } from 'node:crypto';
import { errorText } from '../../core/errors.ts';
import { refusals } from './refusals.ts';
import type { IamRefusal } from './refusals.ts';

/** A person or a program with an account, as the store keeps it. */
export interface User {
  readonly uid: string;
  readonly description: string;
  /** Of people: see passwords.ts. */
  readonly passwordHash?: string;
  /** The password was given by somebody else and is good for one thing: to set another. */
  readonly mustChangePassword?: boolean;
  /** Of service accounts: SubjectPublicKeyInfo in PEM, RSA of 2048 bits or more, or P-256. */
  readonly publicKey?: string;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
}

export interface Group {
  readonly gid: string;
  readonly description: string;
  /** Uids, sorted. */
  readonly members: readonly string[];
}

/** The group whose members may do everything to accounts. */
export const SUPERUSERS = 'superusers';

/** What is asked for with PUT or PATCH of a user. */
export interface UserWish {
  readonly description?: string;
  readonly password?: string;
  readonly publicKey?: string;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/;
const LONGEST_DESCRIPTION = 1_000;
const LONGEST_PASSWORD_BYTES = 1_024;

export function idProblem(field: 'uid' | 'gid', id: string): IamRefusal | undefined {
  if (ID.test(id)) return undefined;
  return refusals.invalid(
    `${field}: 1 to 128 letters, digits and . _ @ + -, beginning with a letter or digit`,
  );
}

/** Checks the fields of a wish, each refusal naming its field; the key comes back in one form. */
export function checkWish(wish: UserWish, shortestPassword: number): UserWish | IamRefusal {
  const { description, password, publicKey } = wish;
  if (description !== undefined && description.length > LONGEST_DESCRIPTION)
    return refusals.invalid(`description: at most ${LONGEST_DESCRIPTION} characters`);
  if (password !== undefined && publicKey !== undefined)
    return refusals.invalid('password: an account has either a password or a public_key');
  const problem = password === undefined ? undefined : passwordProblem(password, shortestPassword);
  if (problem !== undefined) return problem;
  if (publicKey === undefined) return wish;
  const key = normalKey(publicKey);
  return typeof key === 'string' ? { ...wish, publicKey: key } : key;
}

export function passwordProblem(password: string, shortest: number): IamRefusal | undefined {
  if (Array.from(password).length < shortest)
    return refusals.invalid(`password: at least ${shortest} characters`);
  if (Buffer.byteLength(password) > LONGEST_PASSWORD_BYTES)
    return refusals.invalid(`password: at most ${LONGEST_PASSWORD_BYTES} bytes`);
  return undefined;
}

/** SubjectPublicKeyInfo in PEM of a public key in PEM, PKCS#1 or SPKI. */
function normalKey(pem: string): string | IamRefusal {
  if (/PRIVATE KEY/.test(pem))
    return refusals.invalid('public_key: this is a private key; keep it, and send the public one');
  try {
    const key = createPublicKey(pem);
    const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
    const fits =
      (key.asymmetricKeyType === 'rsa' && (modulusLength ?? 0) >= 2048 && (modulusLength ?? 0) <= 8192) ||
      (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1');
    if (!fits) return refusals.invalid('public_key: RSA of 2048 to 8192 bits, or ECDSA on P-256');
    return key.export({ type: 'spki', format: 'pem' }).toString();
  } catch (error) {
    return refusals.invalid(`public_key: no public key in PEM (${errorText(error)})`);
  }
}
