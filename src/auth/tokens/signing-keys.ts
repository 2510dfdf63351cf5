import { createHash, createPrivateKey, createPublicKey, generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { JWK } from 'jose';
import type { Clock } from '../../core/clock.ts';
import type { KeyStore } from '../keystore/types.ts';
import { Mirror } from '../people/mirror.ts';
import type { MirrorParts } from '../people/mirror.ts';

/** The public half, which everybody who judges tokens needs; the private half is on the machine that made it. */
interface PublicKey {
  readonly jwk: JWK;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
}

export interface SigningKey {
  readonly kid: string;
  readonly key: KeyObject;
}

interface OwnKey extends SigningKey {
  readonly createdMs: number;
}

export interface KeyTimes {
  /** After so long a new key signs. */
  readonly rotateMs: number;
  /** How long a token lives at most: so much longer its key is known. */
  readonly lifetimeMs: number;
  /** How long a key is known before it signs, where there is another. */
  readonly spreadMs?: number;
}

/** Which keys: how they are made, and where they are kept. */
export interface KeyKind {
  readonly algorithm: 'RS256' | 'ES256';
  /** Of their names in the key store. */
  readonly prefix: string;
  /** Of the public halves in the store, with a slash at the end. */
  readonly folder: string;
}

const generate = promisify(generateKeyPair);

/** Of the tokens of people and services: RSA 2048, as DC/OS has them. */
const LOGIN_KEYS: KeyKind = { algorithm: 'RS256', prefix: 'token-', folder: 'auth/token-keys/' };

/**
 * The keys that tokens are signed with. Made when the first token is wanted, replaced when they are
 * old; the public halves are in the store, so that another master judges what this one has signed.
 */
export class SigningKeys {
  readonly #mirror: Mirror<PublicKey>;
  readonly #keys: KeyStore;
  readonly #clock: Clock;
  readonly #times: KeyTimes;
  readonly #kind: KeyKind;
  readonly #known = new Map<string, KeyObject>();
  readonly #own = new Map<string, KeyObject>();
  #making: Promise<SigningKey> | undefined;

  constructor(parts: MirrorParts & { readonly keys: KeyStore }, times: KeyTimes, kind: KeyKind = LOGIN_KEYS) {
    this.#mirror = new Mirror(parts, kind.folder);
    this.#kind = kind;
    this.#keys = parts.keys;
    this.#clock = parts.clock;
    this.#times = times;
  }

  start(): Promise<void> {
    return this.#mirror.start();
  }

  stop(): Promise<void> {
    return this.#mirror.stop();
  }

  /** The key to sign with now. Rejects when a new one is wanted and cannot be kept. */
  current(): Promise<SigningKey> {
    this.#making ??= this.#find().finally(() => (this.#making = undefined));
    return this.#making;
  }

  /** The key that a token names; undefined when it is not ours. */
  publicKey(kid: string): KeyObject | undefined {
    const kept = this.#mirror.get(kid)?.value;
    if (kept === undefined) {
      this.#known.delete(kid);
      return undefined;
    }
    const known = this.#known.get(kid);
    if (known) return known;
    const key = createPublicKey({ key: kept.jwk, format: 'jwk' });
    this.#known.set(kid, key);
    return key;
  }

  /** RFC 7517 §5; newest first. */
  jwks(): { readonly keys: readonly JWK[] } {
    const newest = [...this.#mirror.entries()].sort((a, b) => b[1].value.createdMs - a[1].value.createdMs);
    return { keys: newest.map(([, { value }]) => value.jwk) };
  }

  async #find(): Promise<SigningKey> {
    const now = this.#clock.now();
    const { rotateMs, spreadMs = 0 } = this.#times;
    let newest = (await this.#ownKeys().next()).value;
    if (!newest || now - newest.createdMs >= rotateMs) newest = await this.#make(now);
    for await (const key of this.#ownKeys()) if (now - key.createdMs >= spreadMs) return key;
    return newest; // nobody may have heard of it yet, but there is no other
  }

  /** Newest first. */
  async *#ownKeys(): AsyncGenerator<OwnKey, undefined> {
    const all = [...this.#mirror.entries()].sort((a, b) => b[1].value.createdMs - a[1].value.createdMs);
    for (const [kid, { value }] of all) {
      const key = this.#own.get(kid) ?? (await this.#load(kid));
      if (key) yield { kid, key, createdMs: value.createdMs };
    }
  }

  async #load(kid: string): Promise<KeyObject | undefined> {
    const pem = await this.#keys.read(this.#kind.prefix + kid);
    if (pem === undefined) return undefined;
    const key = createPrivateKey(pem);
    this.#own.set(kid, key);
    return key;
  }

  /** The private half first: a public key that nobody can sign with would do no harm, a signature that nobody can judge would. */
  async #make(now: number): Promise<OwnKey> {
    await this.#forgetOld(now);
    const { algorithm: alg, prefix } = this.#kind;
    const { publicKey, privateKey } =
      alg === 'ES256'
        ? await generate('ec', { namedCurve: 'P-256' })
        : await generate('rsa', { modulusLength: 2048 });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const kid = createHash('sha256').update(spki).digest('hex').slice(0, 32);
    await this.#keys.write(prefix + kid, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } as JWK;
    await this.#mirror.put(kid, 0, { jwk, createdMs: now });
    this.#own.set(kid, privateKey);
    return { kid, key: privateKey, createdMs: now };
  }

  async #forgetOld(now: number): Promise<void> {
    const { rotateMs, lifetimeMs, spreadMs = 0 } = this.#times;
    const oldest = now - rotateMs - lifetimeMs - spreadMs;
    const { prefix } = this.#kind;
    for (const [kid, { value }] of Array.from(this.#mirror.entries()))
      if (value.createdMs < oldest) await this.#mirror.delete(kid);
    for (const name of await this.#keys.names()) {
      const kid = name.slice(prefix.length);
      if (!name.startsWith(prefix) || this.#mirror.get(kid)) continue;
      this.#own.delete(kid);
      await this.#keys.remove(name);
    }
  }
}
