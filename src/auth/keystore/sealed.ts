import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';
import { z } from 'zod';
import type { Random } from '../../core/random.ts';

/** A text under a passphrase: scrypt makes the key (RFC 7914), AES-256-GCM seals, and the name of the text is sealed with it. */
const sealedSchema = z.strictObject({
  sealed: z.literal('scrypt-aes-256-gcm'),
  n: z
    .int()
    .min(2)
    .max(2 ** 20),
  r: z.int().min(1).max(32),
  p: z.int().min(1).max(16),
  salt: z.base64(),
  nonce: z.base64(),
  data: z.base64(),
});

/** About 0.1 s and 32 MB for each guess. */
const COST = { n: 2 ** 15, r: 8, p: 1 };
const TAG_BYTES = 16;

type Cost = Pick<z.output<typeof sealedSchema>, 'n' | 'r' | 'p'>;

export const isSealed = (text: string): boolean => text.trimStart().startsWith('{');

export async function seal(name: string, text: string, passphrase: string, random: Random): Promise<string> {
  const salt = Buffer.from(random.bytes(16));
  const nonce = Buffer.from(random.bytes(12));
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, salt, COST), nonce);
  cipher.setAAD(Buffer.from(name));
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const base64 = (bytes: Buffer): string => bytes.toString('base64');
  const sealed = { sealed: 'scrypt-aes-256-gcm', ...COST, salt: base64(salt), nonce: base64(nonce) };
  return `${JSON.stringify({ ...sealed, data: base64(data) })}\n`;
}

/** Undefined when the passphrase is another, or the text was not sealed under this name. Throws for what was never sealed. */
export async function unseal(name: string, text: string, passphrase: string): Promise<string | undefined> {
  const sealed = sealedSchema.parse(JSON.parse(text));
  const key = await keyOf(passphrase, Buffer.from(sealed.salt, 'base64'), sealed);
  const data = Buffer.from(sealed.data, 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.nonce, 'base64'), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(name)).setAuthTag(data.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(data.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}

function keyOf(passphrase: string, salt: Buffer, { n, r, p }: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, { N: n, r, p, maxmem: 256 * n * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
