import { X509Certificate } from 'node:crypto';
import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { parseIdentity } from '../../net/index.ts';
import { AcmeProblem } from './client.ts';
import type { AcmeConfig } from './config.ts';
import type { Obtained } from './issuer.ts';
import type { AcmeStorage, StoredName } from './storage.ts';

/** Renewal begins when this share of the life is left, or up to a tenth of that earlier, so that names do not come all at once. */
const RENEW_LEFT = 1 / 3;
const JITTER = 0.1;
/** The process before this one, if it hands over to us, has left by then. */
const BEGIN_MS = 1_000;
/** No rate limit lasts longer; what says so is a mistake. */
const MOST_TOLD_MS = 7 * 86_400_000;
/** Orders at a time; further names wait. */
const AT_ONCE = 4;

export interface KeeperParts {
  readonly config: Pick<AcmeConfig, 'directory' | 'retryMs' | 'mostRetryMs'>;
  /** Rejects with why not. */
  readonly obtain: (name: string) => Promise<Obtained>;
  readonly storage: AcmeStorage;
  /** The newest certificate of this name; undefined: it has none here any more. */
  readonly onCertificate: (name: string, certificate: Obtained | undefined) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How it stands with one name, for people. */
export interface NameView {
  readonly name: string;
  readonly state: 'waiting' | 'ordering' | 'good' | 'failing';
  readonly lastError: string | null;
  /** ISO 8601; null: it is at work now. */
  readonly nextTry: string | null;
}

interface Entry {
  readonly name: string;
  stored: StoredName;
  state: 'loading' | 'waiting' | 'queued' | 'ordering';
  nextAt: number;
  timer: Timer | undefined;
}

/**
 * Keeps the certificates of names: obtains them, renews them in time, waits longer after each failure. Each name has its own
 * order and its own waits, so that none hinders another.
 */
export class AcmeKeeper {
  readonly #parts: KeeperParts;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  readonly #outcomes = new Map([
    ['obtained', 0],
    ['failed', 0],
  ]);
  #running = 0;
  #begun = false;
  #beginning: Timer | undefined;
  #stopped = false;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /**
   * The names there shall be certificates for; resolves when those are there that were obtained earlier. What is not wanted any
   * more stays on disk, for when it comes back.
   */
  async want(names: ReadonlySet<string>): Promise<void> {
    if (this.#stopped) return;
    for (const [name, { timer }] of this.#entries) {
      if (names.has(name)) continue;
      timer?.cancel();
      this.#entries.delete(name);
      this.#parts.onCertificate(name, undefined);
    }
    const added = [...names].filter((name) => !this.#entries.has(name));
    await Promise.all(added.map((name) => this.#add(name)));
  }

  /** From now on orders are made, in a moment. */
  begin(): void {
    this.#beginning = this.#parts.clock.after(BEGIN_MS, () => {
      this.#begun = true;
      this.#work();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#beginning?.cancel();
    for (const { timer } of this.#entries.values()) timer?.cancel();
    this.#queue.length = 0;
  }

  views(): NameView[] {
    return Array.from(this.#entries.values(), ({ name, state, stored, nextAt }) => ({
      name,
      state:
        state === 'ordering' ? state : stored.failed ? 'failing' : stored.certificate ? 'good' : 'waiting',
      lastError: stored.failed?.reason ?? null,
      nextTry: state === 'waiting' ? new Date(nextAt).toISOString() : null,
    }));
  }

  /** How orders have ended. */
  get outcomes(): ReadonlyMap<string, number> {
    return this.#outcomes;
  }

  async #add(name: string): Promise<void> {
    const { storage, log, onCertificate } = this.#parts;
    const entry: Entry = { name, stored: {}, state: 'loading', nextAt: 0, timer: undefined };
    this.#entries.set(name, entry);
    try {
      const stored = await storage.name(name);
      if (stored.certificate !== undefined) parseIdentity(stored.certificate.chain, stored.certificate.key);
      entry.stored = stored;
    } catch (error) {
      log.warn({ name, reason: errorText(error) }, 'what is kept of a certificate cannot be used');
    }
    if (!this.#isCurrent(entry)) return;
    const { certificate } = entry.stored;
    if (certificate !== undefined) onCertificate(name, certificate);
    this.#schedule(entry);
  }

  #isCurrent(entry: Entry): boolean {
    return !this.#stopped && this.#entries.get(entry.name) === entry;
  }

  #schedule(entry: Entry): void {
    const { clock, random, config } = this.#parts;
    const { certificate, failed } = entry.stored;
    // That of another authority serves until there is one of ours: it may be worth nothing, as those of staging are.
    const isOurs =
      certificate !== undefined && (certificate.directory ?? config.directory) === config.directory;
    const due = isOurs ? renewalAt(certificate.chain, random.next()) : 0;
    entry.state = 'waiting';
    const now = clock.now();
    entry.nextAt = Math.max(now, due, failed?.nextTryAt ?? 0);
    entry.timer = clock.after(entry.nextAt - now, () => {
      entry.state = 'queued';
      this.#queue.push(entry);
      this.#work();
    });
  }

  #work(): void {
    while (this.#begun && this.#running < AT_ONCE) {
      const entry = this.#queue.shift();
      if (entry === undefined) return;
      if (!this.#isCurrent(entry)) continue;
      this.#running += 1;
      void this.#order(entry).finally(() => {
        this.#running -= 1;
        this.#work();
      });
    }
  }

  async #order(entry: Entry): Promise<void> {
    const { obtain, log, onCertificate, config } = this.#parts;
    const { name } = entry;
    entry.state = 'ordering';
    try {
      const certificate = await obtain(name);
      if (this.#stopped) return;
      entry.stored = { certificate: { ...certificate, directory: config.directory } };
      this.#count('obtained');
      log.info({ name, until: new X509Certificate(certificate.chain).validTo }, 'a certificate was obtained');
      if (this.#isCurrent(entry)) onCertificate(name, certificate);
      await this.#save(name, entry.stored);
    } catch (error) {
      if (this.#stopped) return;
      this.#count('failed');
      await this.#failed(entry, error);
    }
    if (this.#isCurrent(entry)) this.#schedule(entry);
  }

  /** What cannot be kept is in use all the same; after a restart it is had anew. */
  async #save(name: string, stored: StoredName): Promise<void> {
    const { storage, log } = this.#parts;
    try {
      await storage.saveName(name, stored);
    } catch (error) {
      log.error({ name, reason: errorText(error) }, 'a certificate, or why there is none, could not be kept');
    }
  }

  /** Waits and failures outlive the process: who starts again and again does not ask the authority again and again. */
  async #failed(entry: Entry, error: unknown): Promise<void> {
    const { config, clock, random, storage, log } = this.#parts;
    const { name } = entry;
    const times = (entry.stored.failed?.times ?? 0) + 1;
    const whole = Math.min(config.mostRetryMs, config.retryMs * 2 ** Math.min(times - 1, 30));
    const told = error instanceof AcmeProblem ? Math.min(MOST_TOLD_MS, error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.round(Math.max(told, whole) * (1 + JITTER * random.next()));
    const reason = errorText(error);
    const failed = { times, reason, nextTryAt: clock.now() + waitMs };
    log.warn({ name, reason, waitMs, times }, 'no certificate was obtained; it is tried again');
    // Its order may have begun or ended meanwhile.
    const { order } = await storage.name(name).catch(() => entry.stored);
    const { certificate } = entry.stored;
    entry.stored = { ...(certificate && { certificate }), ...(order && { order }), failed };
    await this.#save(name, entry.stored);
  }

  #count(outcome: 'obtained' | 'failed'): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}

/** Milliseconds since 1970; `chance` in [0, 1). */
function renewalAt(chain: string, chance: number): number {
  const leaf = new X509Certificate(chain);
  const end = leaf.validToDate.getTime();
  const life = end - leaf.validFromDate.getTime();
  return end - life * RENEW_LEFT * (1 + JITTER * chance);
}
