import { createHash, timingSafeEqual } from 'node:crypto';
import { parse } from 'yaml';
import { z } from 'zod';
import { decode } from '../../core/config/decode.ts';
import { peopleErrors } from './errors.ts';

/** A Mesos principal with its secret. */
export interface Credential {
  readonly principal: string;
  readonly secret: string;
}

const credential = z.strictObject({ principal: z.string().min(1), secret: z.string().optional() });
const several = z.strictObject({ credentials: z.array(credential) });

/**
 * A credentials file of Mesos (mesos-api.md §6.1), as JSON, as YAML, or in the old form of lines `principal secret`; also one
 * credential alone, as agents have it. Throws AUTH_CREDENTIALS_BAD.
 */
export function parseCredentials(text: string, file: string): readonly Credential[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  if (lines.length > 0 && lines.every((line) => /^[^\s:{}"]+[ \t]+[^\s:{}"]+\s*$/.test(line)))
    return lines.map((line) => {
      const [principal = '', secret = ''] = line.trim().split(/\s+/);
      return { principal, secret };
    });
  const bad = (reason: string): Error => peopleErrors.AUTH_CREDENTIALS_BAD({ file, reason });
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    // The parser shows the line, and secrets are in it.
    throw bad('neither JSON, nor YAML, nor lines of principal and secret');
  }
  const isOne = typeof value === 'object' && value !== null && 'principal' in value;
  const found = decode(several, isOne ? { credentials: [value] } : value);
  if (!found.ok) throw bad(found.issues.map(({ path, message }) => `${path}: ${message}`).join('; '));
  const names = new Set<string>();
  return found.value.credentials.map(({ principal, secret = '' }) => {
    if (secret === '') throw bad(`'${principal}' has no secret`);
    if (names.has(principal)) throw bad(`'${principal}' is there twice`);
    names.add(principal);
    return { principal, secret };
  });
}

/** Mesos principals that log in with HTTP Basic (RFC 7617). */
export class Principals {
  readonly #digests: ReadonlyMap<string, Buffer>;

  constructor(credentials: readonly Credential[]) {
    this.#digests = new Map(credentials.map(({ principal, secret }) => [principal, digest(secret)]));
  }

  get size(): number {
    return this.#digests.size;
  }

  /** The same work whether there is such a principal or not. */
  verify(principal: string, secret: string): boolean {
    const known = this.#digests.get(principal);
    const same = timingSafeEqual(digest(secret), known ?? NOBODY);
    return same && known !== undefined;
  }
}

/** Digests have one length, which `timingSafeEqual` needs and which tells nothing of the secret's. */
function digest(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}

const NOBODY = Buffer.alloc(32);
