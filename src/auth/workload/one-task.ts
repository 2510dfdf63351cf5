import type { Clock } from '../../core/clock.ts';
import type { IdentityHome, IdentitySource, TaskFacts } from '../../core/identity.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import { IdentityKeeper } from '../identity/keeper.ts';
import { makeKeyRequest } from '../x509/csr.ts';
import type { Held } from './socket-server.ts';
import type { JwtSvid, TaskAuthority, TaskClaim } from './task-authority.ts';
import { TaskFiles } from './task-files.ts';

export interface OneTaskParts {
  readonly authority: TaskAuthority;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A token is given out again until this share of its life is over. */
const FRESH_SHARE = 0.5;
const MOST_TOKENS = 64;

/** The identity of one task: kept by the agent, and as files. */
export class OneTask implements Held {
  readonly #parts: OneTaskParts;
  readonly #claim: TaskClaim;
  readonly #files: TaskFiles;
  readonly #tokens = new Map<string, JwtSvid>();
  /** Where others have theirs behind the same socket, the id of the task says whose is whose. */
  readonly hint: string | undefined;
  #keeper: IdentityKeeper | undefined;
  #unfollow: Unsubscribe = () => {};
  #closed = false;

  constructor(parts: OneTaskParts, task: TaskFacts, home: IdentityHome) {
    this.#parts = parts;
    const { agentId, frameworkId, taskId } = task;
    this.#claim = { agentId, frameworkId, taskId };
    this.#files = new TaskFiles(taskId, home, parts.random, parts.log);
    this.hint = home.program && taskId;
  }

  /** Have at hand what an earlier process had. */
  async load(): Promise<void> {
    const { authority, clock, random, log } = this.#parts;
    const kept = await this.#files.read();
    this.#keeper = new IdentityKeeper({
      clock,
      random,
      log: log.child(this.#claim),
      ...(kept ? { kept } : {}),
      issuer: {
        issue: (publicKey, privateKey) =>
          authority.sign(this.#claim, makeKeyRequest({ publicKey, privateKey })),
        follow: (listener) => authority.follow(listener),
      },
    });
  }

  /** Resolves when the first identity is there, as files too; goes on trying until then, and renews it. Needs `load`. */
  async start(): Promise<void> {
    const keeper = this.#keeper;
    if (this.#closed || !keeper) return;
    await keeper.start();
    await this.#write();
    if (!this.#closed) this.#unfollow = keeper.onChange(() => void this.#write().catch(() => {})); // it has been logged
  }

  get source(): IdentitySource {
    return this.#keeper ?? NOBODY;
  }

  get alarm(): boolean {
    return this.#keeper?.alarm ?? false;
  }

  get leftMs(): number | undefined {
    return this.#keeper?.leftMs;
  }

  get failures(): number {
    return this.#keeper?.failures ?? 0;
  }

  /** One that is good for a while; the last one when the authority has no other to give. */
  async token(audience: readonly string[]): Promise<string> {
    const key = JSON.stringify(audience);
    const had = this.#tokens.get(key);
    const now = this.#parts.clock.now();
    if (had && now < had.issuedMs + (had.expiresMs - had.issuedMs) * FRESH_SHARE) return had.token;
    try {
      const made = await this.#parts.authority.signJwt(this.#claim, audience);
      this.#tokens.delete(key);
      this.#tokens.set(key, made);
      if (this.#tokens.size > MOST_TOKENS) this.#tokens.delete(this.#tokens.keys().next().value ?? '');
      return made.token;
    } catch (error) {
      if (had && now < had.expiresMs) return had.token;
      throw error;
    }
  }

  /** Nobody is renewed any more; files stay, and are whole when this resolves. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#keeper?.stop();
    this.#unfollow();
    await this.#files.settled();
  }

  async #write(): Promise<void> {
    const kept = this.#keeper?.kept;
    if (kept && !this.#closed) await this.#files.write(kept);
  }
}

const NOBODY: IdentitySource = { current: undefined, onChange: () => () => {} };
