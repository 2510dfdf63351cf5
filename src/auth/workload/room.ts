import type { Api } from '../../core/http/server.ts';
import type { RunningTasks } from '../../core/identity.ts';
import type { Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { Authority } from '../ca/authority.ts';
import type { IssuedChain } from '../identity/issuer.ts';
import type { AuthModule, ModuleParts, WorkloadSources } from '../module.ts';
import { SigningKeys } from '../tokens/signing-keys.ts';
import { addSignRoutes } from '../api/sign-routes.ts';
import { JWT_KEYS } from './jwt-svid.ts';
import { TaskSigner } from './signer.ts';
import type { JwtSvid, TaskAuthority, TaskClaim, TaskNews } from './task-authority.ts';

const DAY_MS = 86_400_000;
/** A key is known for so long before it signs: more than anybody takes to hear of it. */
const KEY_SPREAD_MS = 60_000;
/** How often it looks whether keys of tokens came or went, and whether one is due. */
const LOOK_EVERY_MS = 5_000;

/** Identities of tasks, on the side of the authority: who asks for which task, and what it gets. */
export class WorkloadRoom implements AuthModule, TaskAuthority {
  readonly #parts: ModuleParts;
  readonly #authority: Authority;
  readonly #tasks: RunningTasks;
  readonly #keys: SigningKeys;
  readonly #news: Subscribers<TaskNews>;
  readonly signer: TaskSigner;
  #told = '';
  #timer: Timer | undefined;

  constructor(parts: ModuleParts, authority: Authority, sources: WorkloadSources) {
    const { clock, log, metrics } = parts;
    const { trustDomain, workload } = parts.config;
    this.#parts = parts;
    this.#authority = authority;
    this.#tasks = sources.tasks;
    this.#keys = new SigningKeys(
      parts,
      {
        rotateMs: workload.jwtKeyDays * DAY_MS,
        lifetimeMs: workload.jwtSeconds * 1000,
        spreadMs: KEY_SPREAD_MS,
      },
      JWT_KEYS,
    );
    this.#news = new Subscribers((error) => log.error({ error }, 'a follower of the authority failed'));
    const issuer = workload.jwtIssuer ?? `spiffe://${trustDomain}`;
    this.signer = new TaskSigner({
      ...sources,
      authority,
      keys: this.#keys,
      settings: { ...workload, trustDomain, issuer },
      clock,
    });
    const { counts } = this.signer;
    metrics.observed('rimrock_auth_tasks_signed_total', 'Certificates and tokens for tasks, by kind.', () => [
      { labels: { kind: 'certificate' }, value: counts.certificates },
      { labels: { kind: 'token' }, value: counts.tokens },
    ]);
    metrics.observed(
      'rimrock_auth_tasks_refused_total',
      'Requests for an identity of a task that were refused.',
      () => [{ value: counts.refused }],
    );
  }

  routes(api: Api): void {
    const { config, log } = this.#parts;
    addSignRoutes(api, { room: this, authority: this.#authority, tasks: this.#tasks, config, log });
  }

  async start(): Promise<void> {
    await this.#keys.start();
    await this.#look(); // the first token shall not have to wait for a key, nor for it to be known
    this.#timer = this.#parts.clock.every(LOOK_EVERY_MS, () => void this.#look());
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#keys.stop();
  }

  async sign(claim: TaskClaim, request: string): Promise<IssuedChain> {
    return this.signer.sign(claim, request);
  }

  signJwt(claim: TaskClaim, audience: readonly string[]): Promise<JwtSvid> {
    return this.signer.signJwt(claim, audience);
  }

  follow(listener: (news: TaskNews) => void): Unsubscribe {
    const ends = [
      this.#authority.follow((news) => listener({ ...news, jwks: this.jwks })),
      this.#news.add(listener),
    ];
    return () => ends.forEach((end) => end());
  }

  /** The keys that tokens are judged by: a JWK set (RFC 7517 §5), as text. */
  get jwks(): string {
    return JSON.stringify(this.#keys.jwks());
  }

  async #look(): Promise<void> {
    try {
      await this.#keys.current();
    } catch (error) {
      this.#parts.log.error({ error: errorText(error) }, 'no key for tokens of tasks can be made');
    }
    const { jwks } = this;
    if (jwks === this.#told) return;
    this.#told = jwks;
    this.#news.emit({ ...this.#authority.news, jwks });
  }
}
