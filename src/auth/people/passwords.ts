import { scrypt, timingSafeEqual } from 'node:crypto';
import type { ScryptOptions } from 'node:crypto';
import type { Random } from '../../core/random.ts';

/** What a password costs: log2 of N, r and p of scrypt (RFC 7914). 128·r·N bytes of memory. */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB and about a tenth of a second. */
const STANDARD: ScryptCost = { logN: 15, r: 8, p: 1 };

/** More is not stored by us, and would be a way to take all memory with one record. */
const MOST: ScryptCost = { logN: 20, r: 16, p: 4 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** At a time; the others of the four threads of libuv are for the disk and for names. */
const AT_ONCE = 2;

/** How many wait; more are told to come again, so that guessing cannot take all of the processor. */
const MOST_WAITING = 32;

export type Derive = (password: string, salt: Uint8Array, cost: ScryptCost) => Promise<Uint8Array>;

/**
 * Hashes of passwords, as `$scrypt$ln=15,r=8,p=1$salt$hash` (base64), off the main loop. A few at a time; when too many wait `verify` says
 * `busy`, and `hash` gives undefined.
 */
export class Passwords {
  /** Hashes that were worked out. */
  worked = 0;
  readonly #random: Random;
  readonly #derive: Derive;
  readonly #cost: ScryptCost;
  /** What the password of nobody is compared with, at the same cost. */
  readonly #nobody: string;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(random: Random, { derive = scryptOf, cost = STANDARD }: PasswordOptions = {}) {
    this.#random = random;
    this.#derive = derive;
    this.#cost = cost;
    this.#nobody = print(cost, random.bytes(SALT_BYTES), random.bytes(HASH_BYTES));
  }

  async hash(password: string): Promise<string | undefined> {
    const salt = this.#random.bytes(SALT_BYTES);
    const hash = await this.#work(password, salt, this.#cost);
    return hash === 'busy' ? undefined : print(this.#cost, salt, hash);
  }

  /** `stored` undefined is somebody who is not there or has no password: the same work, and false. */
  async verify(stored: string | undefined, password: string): Promise<boolean | 'busy'> {
    const parsed = stored === undefined ? undefined : parse(stored);
    const against = parsed ?? parse(this.#nobody);
    if (against === undefined) return false;
    const hash = await this.#work(password, against.salt, against.cost);
    if (hash === 'busy') return hash;
    const same = hash.length === against.hash.length && timingSafeEqual(hash, against.hash);
    return same && parsed !== undefined;
  }

  async #work(password: string, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array | 'busy'> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= MOST_WAITING) return 'busy';
      await new Promise<void>((turn) => void this.#waiting.push(turn));
    } else this.#running++;
    try {
      this.worked++;
      return await this.#derive(password, salt, cost);
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

export interface PasswordOptions {
  readonly derive?: Derive;
  readonly cost?: ScryptCost;
}

function scryptOf(password: string, salt: Uint8Array, { logN, r, p }: ScryptCost): Promise<Uint8Array> {
  const options: ScryptOptions = { N: 2 ** logN, r, p, maxmem: 256 * r * 2 ** logN };
  return new Promise((resolve, reject) => {
    // One person's composed letter is another's two code points (RFC 8265 §4.2.2).
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

function print({ logN, r, p }: ScryptCost, salt: Uint8Array, hash: Uint8Array): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return `$scrypt$ln=${logN},r=${r},p=${p}$${text(salt)}$${text(hash)}`;
}

const STORED =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/=]{16,64})\$([A-Za-z0-9+/=]{40,100})$/;

function parse(stored: string): { cost: ScryptCost; salt: Uint8Array; hash: Uint8Array } | undefined {
  const [, logN, r, p, salt = '', hash = ''] = STORED.exec(stored) ?? [];
  if (logN === undefined) return undefined;
  const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
  const possible = cost.logN >= 1 && cost.r >= 1 && cost.p >= 1;
  if (!possible || cost.logN > MOST.logN || cost.r > MOST.r || cost.p > MOST.p) return undefined;
  return { cost, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}
