import { createCipheriv, createDecipheriv, scrypt } from 'node:crypto';
import { z } from 'zod';
import type { Random } from '../../core/random.ts';

const costAndProof = {
  n: z
    .int()
    .min(2)
    .max(2 ** 18),
  r: z.int().min(1).max(8),
  p: z.int().min(1).max(4),
  salt: z.base64(),
  proof: z.string(),
};

/**
 * How the passphrase of a cluster opens the key that its records are sealed with; kept beside them, for all masters. What scrypt makes of the passphrase
 * seals `key`; in the first form it was that key. `proof` is a text sealed with the key of the records, by which a wrong passphrase is found out. The
 * cost is bounded: whoever writes to the store shall not have masters take gigabytes.
 */
const recordSchema = z.discriminatedUnion('vault', [
  z.strictObject({ vault: z.literal('scrypt-aes-256-gcm 1'), ...costAndProof }),
  z.strictObject({ vault: z.literal('scrypt-aes-256-gcm 2'), ...costAndProof, key: z.string() }),
]);

type VaultRecord = z.output<typeof recordSchema>;

/** Half a second and 64 MB for each guess of whoever has read the store (RFC 7914); masters do it once. */
export const VAULT_COST = { n: 2 ** 16, r: 8, p: 2 } as const;
export type VaultCost = Pick<VaultRecord, 'n' | 'r' | 'p'>;

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Before each sealed text: the form that it is in. */
const FORM = '1.';
const PROOF = 'vault';
const KEY_NAME = 'vault key';
const KEY_BYTES = 32;

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

  /** Whether that is the record of this vault, whatever the passphrase. */
  isOf(record: string): boolean {
    try {
      return this.#proves(recordSchema.parse(JSON.parse(record)));
    } catch {
      return false;
    }
  }

  /** What others need to open it by that passphrase. */
  async recordFor(passphrase: string, cost: VaultCost = VAULT_COST): Promise<string> {
    const salt = Buffer.from(this.#random.bytes(SALT_BYTES));
    const outer = new Vault(await keyOf(passphrase, salt, cost), this.#random);
    const record: VaultRecord = {
      vault: 'scrypt-aes-256-gcm 2',
      ...cost,
      salt: salt.toString('base64'),
      key: outer.seal(KEY_NAME, this.#key.toString('base64')),
      proof: this.seal(PROOF, PROOF),
    };
    return JSON.stringify(record);
  }

  /** The vault of a record, when this one is what its passphrase opens. */
  within(record: VaultRecord): Vault | undefined {
    if (record.vault === 'scrypt-aes-256-gcm 1') return this.#proves(record) ? this : undefined;
    const key = this.open(KEY_NAME, record.key);
    if (key === undefined) return undefined;
    const inner = new Vault(Buffer.from(key, 'base64'), this.#random);
    return inner.#proves(record) ? inner : undefined;
  }

  #proves({ proof }: VaultRecord): boolean {
    return this.open(PROOF, proof) === PROOF;
  }
}

const sealedWith = (name: string): Buffer => Buffer.from(`rimrock auth record\n${name}`);

/** A vault that nobody has yet, with what others need to open it by the same passphrase. */
export async function makeVault(
  passphrase: string,
  random: Random,
  cost: VaultCost = VAULT_COST,
): Promise<{ readonly vault: Vault; readonly record: string }> {
  const vault = new Vault(Buffer.from(random.bytes(KEY_BYTES)), random);
  return { vault, record: await vault.recordFor(passphrase, cost) };
}

/** Undefined when the passphrase is another one. Rejects for what is no record of a vault, or of a newer form. */
export async function openVault(
  text: string,
  passphrase: string,
  random: Random,
): Promise<Vault | undefined> {
  const record = recordSchema.parse(JSON.parse(text));
  const outer = new Vault(await keyOf(passphrase, Buffer.from(record.salt, 'base64'), record), random);
  return outer.within(record);
}

function keyOf(passphrase: string, salt: Buffer, { n, r, p }: VaultCost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, KEY_BYTES, { N: n, r, p, maxmem: 256 * n * r }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
