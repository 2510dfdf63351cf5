import { isIP } from 'node:net';
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Store } from '../../store/index.ts';
import { joinErrors } from './errors.ts';
import { rootHash, secretHash, writeToken } from './token-text.ts';
import type { TokenText } from './token-text.ts';

/** What a process can join as; the first part of its path. */
export const JOINERS = ['agent', 'edge', 'framework'] as const;
export type Joiner = (typeof JOINERS)[number];

/** What is kept of a token: what it is good for, and what became of it. The secret is not among it. */
export interface TokenRecord {
  readonly id: string;
  readonly hash: string;
  readonly for: Joiner;
  readonly name: string;
  /** DNS names and addresses that the certificate is to say, for browsers and the like. */
  readonly names: readonly string[];
  readonly by: string;
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly spentMs?: number;
  /** Where whoever spent it came from. */
  readonly spentFrom?: string;
  /** Hashes of the public keys that the process may have: of the certificate that it showed last, and of the one that it got for it. */
  readonly keys?: readonly string[];
  /** When its certificate was renewed last. */
  readonly renewedMs?: number;
  readonly revoked?: true;
}

export interface TokenWish {
  readonly for: Joiner;
  /** Of the process: `/agent/<name>`; the id of the token where there is none. */
  readonly name?: string;
  readonly names?: readonly string[];
  readonly ttlMs: number;
  readonly by: string;
}

const PREFIX = 'auth/join/';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const LONGEST_TTL_MS = 30 * 86_400_000;
const MOST_TOKENS = 10_000;
/** An answer may be lost: for so long the same key gets it again. */
const AGAIN_MS = 60_000;

/** One-time tokens, by which processes get their first identity. They are spent by compare-and-set. */
export class JoinTokens {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(parts: { readonly store: Store; readonly clock: Clock; readonly random: Random }) {
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#random = parts.random;
  }

  /** The token is told here and never again. Rejects with AUTH_JOIN_BAD_REQUEST. */
  async create(
    wish: TokenWish,
    root: string,
  ): Promise<{ readonly token: string; readonly record: TokenRecord }> {
    const now = this.#clock.now();
    const id = Buffer.from(this.#random.bytes(8)).toString('hex');
    const { name = id, names = [] } = wish;
    if (!NAME.test(name))
      throw bad('name', 'letters, digits, dots, dashes and underscores, at most 63, a letter or digit first');
    const wrong = names.find((n) => isIP(n) === 0 && !NAME.test(n));
    if (wrong !== undefined) throw bad('address', `'${wrong}' is no DNS name or IP address`);
    if (!(wish.ttlMs >= 1000 && wish.ttlMs <= LONGEST_TTL_MS)) throw bad('ttl', 'from a second to 30 days');
    await this.#makeRoom(pathOf({ for: wish.for, name }), now);
    const secret = Buffer.from(this.#random.bytes(32)).toString('base64url');
    const record: TokenRecord = {
      id,
      hash: secretHash(secret),
      for: wish.for,
      name,
      names,
      by: wish.by,
      createdMs: now,
      expiresMs: now + wish.ttlMs,
    };
    if (!(await this.#store.compareAndSet(PREFIX + id, 0, JSON.stringify(record))))
      throw bad('id', 'it is taken; try again');
    return { token: writeToken({ id, secret, root: rootHash(root) }), record };
  }

  /** The newest last. */
  async list(): Promise<readonly TokenRecord[]> {
    const entries = await this.#store.list(PREFIX);
    return entries
      .map(({ value }) => JSON.parse(value) as TokenRecord)
      .sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
  }

  /**
   * Of however many that come at the same time, one gets it: the key (its hash) that is written first. For a minute that same key gets it again,
   * should the answer have been lost. Rejects with AUTH_JOIN_TOKEN_REFUSED, always in the same words.
   */
  async spend(text: TokenText, key: string, from: string): Promise<TokenRecord> {
    const { id, secret } = text;
    const entry = await this.#store.get(PREFIX + id);
    if (!entry) throw joinErrors.AUTH_JOIN_TOKEN_REFUSED();
    const record = JSON.parse(entry.value) as TokenRecord;
    const now = this.#clock.now();
    const same = timingSafeEqual(Buffer.from(secretHash(secret), 'hex'), Buffer.from(record.hash, 'hex'));
    if (!same || record.revoked) throw joinErrors.AUTH_JOIN_TOKEN_REFUSED();
    if (record.spentMs !== undefined) {
      const again = now < record.spentMs + AGAIN_MS && record.renewedMs === undefined;
      if (again && record.keys?.includes(key)) return record;
      throw joinErrors.AUTH_JOIN_TOKEN_REFUSED();
    }
    if (now >= record.expiresMs) throw joinErrors.AUTH_JOIN_TOKEN_REFUSED();
    const spent: TokenRecord = { ...record, spentMs: now, spentFrom: from, keys: [key] };
    const written = await this.#store.compareAndSet(entry.key, entry.revision, JSON.stringify(spent));
    // Somebody was faster: perhaps the same one.
    return written ? spent : this.spend(text, key, from);
  }

  /** No certificate is bought with it any more, and what was is not renewed. Rejects with AUTH_JOIN_NO_SUCH_TOKEN. */
  async revoke(id: string): Promise<void> {
    for (;;) {
      const entry = await this.#store.get(PREFIX + id);
      if (!entry) throw joinErrors.AUTH_JOIN_NO_SUCH_TOKEN({ id });
      const revoked = { ...(JSON.parse(entry.value) as TokenRecord), revoked: true };
      if (await this.#store.compareAndSet(entry.key, entry.revision, JSON.stringify(revoked))) return;
    }
  }

  /** Whoever has shown the key `shown` gets a certificate for `next`. Rejects with AUTH_JOIN_NO_SUCH_TOKEN when it was revoked meanwhile. */
  async renewed({ id }: TokenRecord, shown: string, next: string): Promise<void> {
    for (;;) {
      const entry = await this.#store.get(PREFIX + id);
      const record = entry && (JSON.parse(entry.value) as TokenRecord);
      if (!record || record.revoked) throw joinErrors.AUTH_JOIN_NO_SUCH_TOKEN({ id });
      const renewed: TokenRecord = { ...record, keys: [shown, next], renewedMs: this.#clock.now() };
      if (await this.#store.compareAndSet(entry.key, entry.revision, JSON.stringify(renewed))) return;
    }
  }

  /** By which token an identity came that may be renewed; undefined: by none, or by revoked ones. */
  async behind(path: string): Promise<TokenRecord | undefined> {
    const records = await this.list();
    return records.findLast((r) => r.spentMs !== undefined && !r.revoked && pathOf(r) === path);
  }

  /** Tokens that nobody used in time say nothing; a name that somebody has is not given again. */
  async #makeRoom(path: string, now: number): Promise<void> {
    const records = await this.list();
    for (const { id, expiresMs, spentMs } of records)
      if (spentMs === undefined && now >= expiresMs) await this.#store.delete(PREFIX + id);
    const taken = records.find(
      (r) => !r.revoked && pathOf(r) === path && (r.spentMs !== undefined || now < r.expiresMs),
    );
    if (taken) throw bad('name', `token ${taken.id} is for ${path} already: revoke it first`);
    if (records.length >= MOST_TOKENS) throw bad('token', `there are ${records.length} already`);
  }
}

/** Of the SPIFFE id. */
export function pathOf(record: Pick<TokenRecord, 'for' | 'name'>): string {
  return `/${record.for}/${record.name}`;
}

const bad = (field: string, reason: string): Error => joinErrors.AUTH_JOIN_BAD_REQUEST({ field, reason });
