import { Backoff } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { IdentityContext, IdentitySource, Svid, TrustBundle } from '../../core/identity.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import { makeKeyPair } from '../x509/make.ts';
import type { Validity } from '../x509/make.ts';
import type { Issuer } from './issuer.ts';
import { alarmAtMs, renewAtMs } from './renewal.ts';

/** An identity with all that a keeper must know of it. */
export interface KeptIdentity {
  readonly svid: Svid;
  readonly bundle: TrustBundle;
  /** The id of the root that it comes from. */
  readonly root: string;
}

export interface KeeperParts {
  readonly issuer: Issuer;
  /** What an earlier process had: it is used until it is renewed. */
  readonly kept?: KeptIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Waits between attempts; the longest are for an authority that is away for hours. */
const RETRY = { firstMs: 200, maxMs: 60_000, jitter: 0.5 } as const;
/** A wait is at most this share of what is left, so that an authority that comes back late is still found in time. */
const LONGEST_SHARE = 1 / 8;
/** An attempt without an answer counts as failed. */
const ATTEMPT_MS = 10_000;
/** However short a life is, nobody renews more often. */
const SHORTEST_MS = 500;
/** Those who renew because a root is tainted do not all come at the same moment. */
const TAINT_SPREAD_MS = 1_000;

/** Keeps an identity: with a new key each time, renewed at half of its life, whatever becomes of the authority. */
export class IdentityKeeper implements IdentitySource {
  readonly #parts: KeeperParts;
  readonly #backoff: Backoff;
  readonly #listeners: Subscribers<IdentityContext>;
  readonly #first = Promise.withResolvers<IdentityContext>();
  #svid: (Svid & { readonly root: string }) | undefined;
  /** Of the identity, from when it came: certificates begin a while before. */
  #life: Validity | undefined;
  #bundle: TrustBundle | undefined;
  #tainted: readonly string[] = [];
  #timer: Timer | undefined;
  #unfollow: Unsubscribe | undefined;
  #stopped = false;
  #asking = false;
  #again = false;
  #failures = 0;
  current: IdentityContext | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random, RETRY);
    this.#listeners = new Subscribers((error) => parts.log.error({ error }, 'a user of an identity failed'));
    const { kept } = parts;
    if (!kept) return;
    this.#svid = { ...kept.svid, root: kept.root };
    this.#life = kept.svid;
    this.#bundle = kept.bundle;
    this.#publish();
  }

  /** Resolves with the first identity; until then it goes on trying. Never resolves when it is stopped before. */
  start(): Promise<IdentityContext> {
    this.#unfollow = this.#parts.issuer.follow(({ bundle, tainted }) => {
      this.#bundle = bundle;
      this.#tainted = tainted;
      this.#publish();
      if (this.#isTainted()) this.#renewIn(this.#parts.random.next() * TAINT_SPREAD_MS);
    });
    this.#renewIn(this.#dueMs());
    return this.#first.promise;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#unfollow?.();
  }

  onChange(listener: (context: IdentityContext) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  /** Attempts that failed since the last one that did not. */
  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds; below 0 when it has ended, undefined before the first. */
  get leftMs(): number | undefined {
    return this.#svid && this.#svid.notAfterMs - this.#parts.clock.now();
  }

  /** Whether it should have been renewed by now. */
  get alarm(): boolean {
    return this.#life ? this.#parts.clock.now() >= alarmAtMs(this.#life) : this.#failures > 0;
  }

  /** What another process needs to go on with it. */
  get kept(): KeptIdentity | undefined {
    if (!this.#svid || !this.#bundle) return undefined;
    const { root, ...svid } = this.#svid;
    return { svid, bundle: this.#bundle, root };
  }

  #isTainted(): boolean {
    return this.#svid !== undefined && this.#tainted.includes(this.#svid.root);
  }

  #renewIn(ms: number): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#timer = this.#parts.clock.after(Math.max(0, ms), () => void this.#renew());
  }

  async #renew(): Promise<void> {
    if (this.#asking) {
      this.#again = true; // tainted while it was asking: what comes may be of the old root
      return;
    }
    this.#asking = true;
    const done = await this.#attempt();
    this.#asking = false;
    if (this.#stopped) return;
    const again = this.#again || this.#isTainted();
    this.#again = false;
    if (done && !again) {
      this.#backoff.reset();
      this.#renewIn(Math.max(this.#dueMs(), SHORTEST_MS));
    } else this.#renewIn(this.#retryMs());
  }

  /** Until the next renewal; at once without an identity. */
  #dueMs(): number {
    if (!this.#life) return 0;
    return renewAtMs(this.#life, this.#parts.random.next()) - this.#parts.clock.now();
  }

  async #attempt(): Promise<boolean> {
    const { issuer, log } = this.#parts;
    try {
      const { publicKey, privateKey } = makeKeyPair();
      const { id, certificateChain, notBeforeMs, notAfterMs, root } = await this.#within(
        issuer.issue(publicKey, privateKey),
      );
      if (this.#stopped) return false;
      this.#svid = { id, certificateChain, privateKey, notBeforeMs, notAfterMs, root };
      this.#life = { notBeforeMs: Math.max(notBeforeMs, this.#parts.clock.now()), notAfterMs };
      this.#failures = 0;
      this.#publish();
      log.debug({ id, notAfterMs }, 'identity renewed');
      return true;
    } catch (error) {
      this.#failures++;
      const told = { error: errorText(error), failures: this.#failures, leftMs: this.leftMs };
      if (this.alarm) log.error(told, 'identity cannot be renewed, and its end is near');
      else log.warn(told, 'identity could not be renewed; trying again');
      return false;
    }
  }

  #within<T>(asked: Promise<T>): Promise<T> {
    const { clock } = this.#parts;
    return new Promise((resolve, reject) => {
      const timer = clock.after(ATTEMPT_MS, () => reject(new Error('the authority does not answer')));
      asked.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  #retryMs(): number {
    const left = this.leftMs;
    const longest = left === undefined || left <= 0 ? RETRY.maxMs : left * LONGEST_SHARE;
    return Math.max(RETRY.firstMs / 2, Math.min(this.#backoff.next(), longest));
  }

  #publish(): void {
    const { kept } = this;
    if (!kept) return;
    this.current = { svid: kept.svid, bundle: kept.bundle };
    this.#first.resolve(this.current);
    this.#listeners.emit(this.current);
  }
}
