import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';
import { z } from 'zod';
import type { Random } from '../../core/random.ts';

/**
 * How the passphrase of a cluster becomes the key that its records are sealed with; kept beside them, for all masters. `proof` is a text sealed with that
 * key, by which a wrong passphrase is found out. The cost is bounded: whoever writes to the store shall not have masters take gigabytes.
 */
const recordSchema = z.strictObject({
  vault: z.literal('scrypt-aes-256-gcm 1'),
  n: z
    .int()
    .min(2)
    .max(2 ** 18),
  r: z.int().min(1).max(8),
  p: z.int().min(1).max(4),
  salt: z.base64(),
  proof: z.string(),
});

export type VaultRecord = z.output<typeof recordSchema>;

/** Half a second and 64 MB for each guess of whoever has read the store (RFC 7914); masters do it once. */
export const VAULT_COST = { n: 2 ** 16, r: 8, p: 2 } as const;
export type VaultCost = Pick<VaultRecord, 'n' | 'r' | 'p'>;

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Before each sealed text: the form that it is in. */
const FORM = '1.';
const PROOF = 'vault';

/** Seals texts under one key, with AES-256-GCM (NIST SP 800-38D). The name of a text is sealed with it: under another it does not open. */
export class Vault {
  readonly #key: Buffer;
  readonly #random: Random;

  constructor(key: Buffer, random: Random) {
    this.#key = key;
    this.#random = random;
  }

  seal(name: string, text: string): string {
    const nonce = Buffer.from(this.#random.bytes(NONCE_BYTES));
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(sealedWith(name));
    const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
    return FORM + Buffer.concat(parts).toString('base64');
  }

  /** Undefined for what was not sealed with this key and under this name, or is not whole. */
  open(name: string, sealed: string): string | undefined {
    if (!sealed.startsWith(FORM)) return undefined;
    const bytes = Buffer.from(sealed.slice(FORM.length), 'base64');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(sealedWith(name)).setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      return undefined;
    }
  }
}

const sealedWith = (name: string): Buffer => Buffer.from(`rimrock auth record\n${name}`);

/** A vault that nobody has yet, with what others need to open it by the same passphrase. */
export async function makeVault(
  passphrase: string,
  random: Random,
  cost: VaultCost = VAULT_COST,
): Promise<{ readonly vault: Vault; readonly record: string }> {
  const salt = Buffer.from(random.bytes(SALT_BYTES));
  const vault = new Vault(await keyOf(passphrase, salt, cost), random);
  const kept = { vault: 'scrypt-aes-256-gcm 1', ...cost, salt: salt.toString('base64') };
  return { vault, record: JSON.stringify({ ...kept, proof: vault.seal(PROOF, PROOF) }) };
}

/** Undefined when the passphrase is another one. Rejects for what is no record of a vault, or of a newer form. */
export async function openVault(
  record: string,
  passphrase: string,
  random: Random,
): Promise<Vault | undefined> {
  const { salt, proof, ...cost } = recordSchema.parse(JSON.parse(record));
  const vault = new Vault(await keyOf(passphrase, Buffer.from(salt, 'base64'), cost), random);
  return vault.open(PROOF, proof) === PROOF ? vault : undefined;
}

function keyOf(passphrase: string, salt: Buffer, { n, r, p }: VaultCost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, { N: n, r, p, maxmem: 256 * n * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
