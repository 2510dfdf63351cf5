import type { Clock, Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { Mirror } from '../people/mirror.ts';
import type { MirrorParts } from '../people/mirror.ts';

/** Somebody is logged in: a token with this id is good as long as this record is there. */
export interface Session {
  /** `jti` of the token (RFC 7519 §4.1.7); tells nothing of the token itself. */
  readonly id: string;
  readonly uid: string;
  /** Milliseconds since the epoch. */
  readonly createdMs: number;
  readonly expiresMs: number;
  /** Where the login came from. */
  readonly address: string;
  readonly how: 'password' | 'service-key';
}

export interface SessionLimits {
  readonly lifetimeMs: number;
  /** Of one account; one more ends its oldest. */
  readonly perUser: number;
}

const SWEEP_EVERY_MS = 10 * 60_000;

/**
 * Who is logged in, kept in the store and asked from memory. What is not here is not logged in, so that ending a session is
 * deleting its record, and a token that was made with a stolen key but for no session opens nothing.
 */
export class Sessions {
  readonly #mirror: Mirror<Session>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: SessionLimits;
  #sweeping: Timer | undefined;

  constructor(parts: MirrorParts & { readonly random: Random }, limits: SessionLimits) {
    this.#mirror = new Mirror(parts, 'auth/sessions/');
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#limits = limits;
  }

  async start(): Promise<void> {
    await this.#mirror.start();
    // A session that cannot be deleted now is not good either; it goes the next time.
    this.#sweeping = this.#clock.every(SWEEP_EVERY_MS, () => void this.sweep().catch(() => {}));
  }

  async stop(): Promise<void> {
    this.#sweeping?.cancel();
    await this.#mirror.stop();
  }

  get size(): number {
    return this.#mirror.size;
  }

  async open(uid: string, how: Session['how'], address: string): Promise<Session> {
    const now = this.#clock.now();
    const id = Buffer.from(this.#random.bytes(16)).toString('hex');
    const session = { id, uid, createdMs: now, expiresMs: now + this.#limits.lifetimeMs, address, how };
    const own = this.of(uid);
    for (const old of own.slice(0, Math.max(0, own.length + 1 - this.#limits.perUser)))
      await this.#mirror.delete(old.id);
    await this.#mirror.put(id, 0, session);
    return session;
  }

  /** Whether the token with this id is that account's and good now. */
  isOpen(id: string, uid: string): boolean {
    const session = this.#mirror.get(id)?.value;
    return session !== undefined && session.uid === uid && session.expiresMs > this.#clock.now();
  }

  get(id: string): Session | undefined {
    return this.#mirror.get(id)?.value;
  }

  /** Oldest first; of everybody without `uid`. */
  of(uid?: string): readonly Session[] {
    const all = Array.from(this.#mirror.entries(), ([, { value }]) => value);
    const own = uid === undefined ? all : all.filter((session) => session.uid === uid);
    return own.sort((a, b) => a.createdMs - b.createdMs);
  }

  /** False when there was none. */
  end(id: string): Promise<boolean> {
    return this.#mirror.delete(id);
  }

  async endAll(uid: string, except?: string): Promise<void> {
    for (const { id } of this.of(uid)) if (id !== except) await this.#mirror.delete(id);
  }

  /** Forget what is over. */
  async sweep(): Promise<void> {
    const now = this.#clock.now();
    for (const { id, expiresMs } of this.of()) if (expiresMs <= now) await this.#mirror.delete(id);
  }
}
