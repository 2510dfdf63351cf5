import { createHash } from 'node:crypto';
import type { Authentication } from '../../core/access.ts';
import { Health } from '../../core/health.ts';
import { guard } from '../../core/http/guard.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../../store/index.ts';
import type { Store } from '../../store/index.ts';
import { GOVERNORS, identityGuard } from '../api/guard-style.ts';
import { authConfigSchema } from '../config.ts';
import { MemoryKeys } from '../keystore/memory-keys.ts';
import type { ModuleParts } from '../module.ts';
import { People } from '../people/people.ts';
import type { ScryptCost } from '../people/passwords.ts';

const IAM = '/acs/api/v1';

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Record<string, unknown>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Sent {
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly address?: string;
}

/** The identity API on a store in memory, asked without a network, with passwords that cost little. */
export class IamDesk {
  readonly clock = new FakeClock();
  readonly keys = new MemoryKeys();
  readonly store: Store = memoryStore();
  /** How often the store was read. */
  reads = 0;
  /** What was worked out for passwords. */
  readonly worked: ScryptCost[] = [];
  #people: People | undefined;
  #api: Api | undefined;

  constructor() {
    const get = this.store.get.bind(this.store);
    const list = this.store.list.bind(this.store);
    this.store.get = (key) => (this.reads++, get(key));
    this.store.list = (prefix) => (this.reads++, list(prefix));
  }

  static async open(): Promise<IamDesk> {
    const desk = new IamDesk();
    await desk.open();
    return desk;
  }

  /** As a process that starts on what the last one left. */
  async open(login: object = {}, required = false): Promise<void> {
    await this.close();
    const config = authConfigSchema.parse({ required, login });
    const parts: ModuleParts = {
      config,
      store: this.store,
      clock: this.clock,
      keys: this.keys,
      folder: '',
      random: systemRandom,
      log: silentLogger,
      metrics: new Metrics(),
      health: new Health(),
    };
    const people = new People(parts, {
      derive: async (password, salt, cost) => {
        this.worked.push(cost);
        return createHash('sha256').update(salt).update(password).digest();
      },
      readText: async () => '{"credentials": [{"principal": "fw", "secret": "s3cret"}]}',
    });
    const api = createApi();
    const { openMetrics } = config.login;
    guard(api, { authenticator: people, authorizer: GOVERNORS, openMetrics }, identityGuard(config));
    api.get('/metrics', async () => '');
    api.get('/other', async () => '');
    api.post('/ca/v1/rotate', async () => ({}));
    people.routes(api);
    await people.start();
    this.#people = people;
    this.#api = api;
  }

  async close(): Promise<void> {
    await this.#api?.close();
    await this.#people?.stop();
  }

  get notes(): readonly string[] {
    return this.#people?.notes() ?? [];
  }

  get oneTimePassword(): string {
    return /password (\S+) /.exec(this.notes.join())?.[1] ?? '';
  }

  async authenticate(authorization: string, address = '192.0.2.1'): Promise<Authentication | undefined> {
    return this.#people?.authenticate({ authorization, address });
  }

  async ask(method: Method, path: string, sent: Sent = {}): Promise<Answer> {
    const { body, token, headers = {}, address = '192.0.2.1' } = sent;
    if (!this.#api) throw new Error('not open');
    const answer = await this.#api.inject({
      method,
      url: path.startsWith('//') ? path.slice(1) : IAM + path,
      headers: { ...(token !== undefined && { authorization: `token=${token}` }), ...headers },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      remoteAddress: address,
    });
    const text = answer.body;
    const status = answer.statusCode;
    return { status, headers: answer.headers, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
  }

  login(uid: string, password: string, address?: string): Promise<Answer> {
    return this.ask('POST', '/auth/login', {
      body: { uid, password },
      ...(address !== undefined && { address }),
    });
  }

  /** A token of `admin`, whose password is `admin-password` from now on. */
  async adminToken(): Promise<string> {
    const body = { uid: 'admin', password: this.oneTimePassword, new_password: 'admin-password' };
    const answer = await this.ask('POST', '/auth/login', { body });
    return String(answer.body['token']);
  }
}
