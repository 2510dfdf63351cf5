import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { HttpClient } from '../../core/http/client.ts';
import { towardsMaster } from '../../core/http/mutual-tls.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import { memoryStore } from '../../store/index.ts';
import { createAuth } from '../index.ts';
import type { Auth } from '../index.ts';
import { authConfigSchema } from '../config.ts';
import { joinConfigSchema } from '../join/config.ts';
import { JoinedIdentity } from '../join/joined.ts';
import { JoinTokens } from '../join/tokens.ts';
import type { TokenWish } from '../join/tokens.ts';

/** An authority that runs, with its API on a port of loopback, and processes that join it. */
export class TlsSite {
  readonly folder = mkdtempSync(join(tmpdir(), 'rimrock-tls-'));
  readonly store = memoryStore();
  readonly tokens = new JoinTokens({ store: this.store, clock: systemClock, random: systemRandom });
  readonly #clients: HttpClient[] = [];
  readonly #joined: JoinedIdentity[] = [];
  #auth: Auth | undefined;

  async start(
    tls: 'permissive' | 'required' = 'required',
    ca: object = {},
    more: object = {},
  ): Promise<Auth> {
    const config = authConfigSchema.parse({ tls, port: 0, ca, trustDomain: 'test.local', ...more });
    this.#auth = createAuth({
      config,
      folder: join(this.folder, 'auth'),
      store: this.store,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics: new Metrics(),
      health: new Health(),
      names: ['localhost', '127.0.0.1'],
    });
    await this.#auth.start();
    return this.#auth;
  }

  get auth(): Auth {
    if (!this.#auth) throw new Error('not started');
    return this.#auth;
  }

  /** Of the authority itself. */
  get tls(): MutualTls {
    if (!this.auth.tls) throw new Error('off');
    return this.auth.tls;
  }

  get url(): string {
    return `https://127.0.0.1:${this.auth.address.port}`;
  }

  async token(wish: Partial<TokenWish> = {}): Promise<string> {
    const [root = ''] = this.auth.authority.bundle.roots;
    const whole = { for: 'agent', ttlMs: 60_000, by: 'test', ...wish } as const;
    return (await this.tokens.create(whole, root)).token;
  }

  /** As a process does at its start; `folder` is where it keeps its identity. */
  joining(
    token: string,
    folder = 'one',
    mode: MutualTls['mode'] = 'required',
    clock = systemClock,
  ): JoinedIdentity {
    const joined = new JoinedIdentity({
      config: joinConfigSchema.parse({ url: this.url, token }),
      mode,
      trustDomain: 'test.local',
      role: 'agent',
      folder: join(this.folder, folder),
      clock,
      random: systemRandom,
      log: silentLogger,
      health: new Health(),
    });
    this.#joined.push(joined);
    return joined;
  }

  async joined(token: string, folder?: string): Promise<JoinedIdentity> {
    const joined = this.joining(token, folder);
    await joined.start();
    return joined;
  }

  client(tls: MutualTls): HttpClient {
    const client = createHttpClient(towardsMaster(tls));
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const joined of this.#joined) await joined.stop();
    for (const client of this.#clients) await client.close();
    await this.#auth?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
