import { EventEmitter } from 'node:events';
import { Agent as HttpsAgent } from 'node:https';
import { CONSUL_TLS } from '../../core/http/consul-key.ts';
import { unreachedText } from '../../core/http/tls-trouble.ts';
import { storeErrors } from '../errors.ts';
import type { ConsulConfig } from './config.ts';

/** A key as Consul has it. */
export interface Item {
  readonly key: string;
  readonly value: string;
  /** Rises over all of Consul with every change. */
  readonly index: number;
  /** Who holds the lock on it. */
  readonly session: string | undefined;
}

/** One step of a transaction; the names are those of Consul. */
export interface Operation {
  readonly Verb:
    | 'set'
    | 'cas'
    | 'delete'
    | 'delete-cas'
    | 'lock'
    | 'check-index'
    | 'check-session'
    | 'check-not-exists';
  readonly Key: string;
  /** Text; sent as base64. */
  readonly Value?: string;
  readonly Index?: number;
  readonly Session?: string;
}

export type Outcome =
  /** `indexes`: of the keys that were written, in the order of the operations. */
  | { readonly kind: 'done'; readonly indexes: readonly number[] }
  /** Nothing was changed, because the operation at this place did not find what it asks for. */
  | { readonly kind: 'refused'; readonly at: number };

export interface Listing {
  readonly items: readonly Item[];
  /** To be given with the next question, so that it is answered when something has changed. */
  readonly index: number;
}

/** What the store needs of Consul. Everything rejects with STORE_CONSUL_UNAVAILABLE or STORE_CONSUL_REFUSED. */
export interface ConsulClient {
  /** All keys below a prefix, as a majority has them; `after` waits until something is newer, for `waitMs` at most. */
  list(
    prefix: string,
    options?: {
      readonly after?: number;
      readonly waitMs?: number;
      readonly signal?: AbortSignal;
    },
  ): Promise<Listing>;
  get(key: string): Promise<Item | undefined>;
  /** All of it or nothing. */
  transact(operations: readonly Operation[], timeoutMs?: number): Promise<Outcome>;
  /** `ttlSeconds`: it ends that long after the last renewal; nobody gets its locks for `lockDelaySeconds` then. */
  createSession(name: string, ttlSeconds: number, lockDelaySeconds: number): Promise<string>;
  /** False when there is no such session (any more). */
  renewSession(id: string, timeoutMs?: number): Promise<boolean>;
  destroySession(id: string): Promise<void>;
  close(): void;
}

/** What the package does and its types do not say. */
type Options = Readonly<Record<string, unknown>> & { ctx: Context; timeout: number };
interface Response {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly statusCode: number;
  readonly body?: unknown;
}
interface Failure {
  readonly response?: Response;
}

/** `includeResponse`: resolve with the response beside what was read, and put it into errors. `cancel` ends the request. */
class Context extends EventEmitter {
  readonly includeResponse = true;
}

interface RawItem {
  readonly Key: string;
  readonly Value: string | null;
  readonly ModifyIndex: number;
  readonly Session?: string;
}

interface Api {
  readonly kv: { get(options: Options): Promise<[Response, (RawItem | readonly RawItem[])?]> };
  readonly transaction: { create(operations: unknown, options: Options): Promise<[Response, unknown]> };
  readonly session: {
    create(options: Options): Promise<[Response, { readonly ID: string }]>;
    renew(options: Options): Promise<unknown>;
    destroy(options: Options): Promise<unknown>;
  };
  destroy(): void;
}

/** Consul adds up to a sixteenth to how long it was asked to wait. */
const WAIT_SLACK = 1 / 16;

export async function connectConsul(config: ConsulConfig): Promise<ConsulClient> {
  const { default: Consul } = await import('consul');
  const url = new URL(config.address);
  const secure = url.protocol === 'https:';
  const { ca, cert, key, verify } = config.tls;
  const api = new Consul({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (secure ? 443 : 80)),
    secure,
    defaults: {
      ...(config.token === '' ? {} : { token: config.token }),
      ...(config.datacenter === '' ? {} : { dc: config.datacenter }),
    },
    ...(secure && {
      agent: new HttpsAgent({ keepAlive: true, ca, cert, key, rejectUnauthorized: verify }),
    }),
  }) as unknown as Api;
  return new Client(api, url.origin, config.timeoutSeconds * 1000);
}

class Client implements ConsulClient {
  readonly #api: Api;
  readonly #address: string;
  readonly #timeoutMs: number;

  constructor(api: Api, address: string, timeoutMs: number) {
    this.#api = api;
    this.#address = address;
    this.#timeoutMs = timeoutMs;
  }

  async list(prefix: string, options: Parameters<ConsulClient['list']>[1] = {}): Promise<Listing> {
    const { after, waitMs = 0, signal } = options;
    const ctx = new Context();
    const cancel = (): void => void ctx.emit('cancel');
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const [response, found] = await this.#try(`list ${prefix}`, () =>
        this.#api.kv.get({
          key: prefix,
          recurse: true,
          consistent: true,
          ...(after !== undefined && { index: String(after), wait: `${Math.max(1, Math.ceil(waitMs))}ms` }),
          ctx,
          timeout: this.#timeoutMs + waitMs * (1 + WAIT_SLACK),
        }),
      );
      const items = Array.isArray(found) ? (found as readonly RawItem[]) : [];
      return { items: items.map(itemOf), index: Number(response.headers['x-consul-index'] ?? 0) };
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  async get(key: string): Promise<Item | undefined> {
    const [, found] = await this.#try(`read ${key}`, () =>
      this.#api.kv.get({ key, consistent: true, ...this.#options() }),
    );
    return found && itemOf(found as RawItem);
  }

  async transact(operations: readonly Operation[], timeoutMs?: number): Promise<Outcome> {
    const body = operations.map((o) => ({
      KV: o.Value === undefined ? o : { ...o, Value: Buffer.from(o.Value).toString('base64') },
    }));
    const what = `write ${operations.at(-1)?.Key}`;
    try {
      const [, answer] = await this.#api.transaction.create(body, this.#options(timeoutMs));
      const results = (answer as { Results?: { KV: { ModifyIndex: number } }[] | null }).Results ?? [];
      return { kind: 'done', indexes: results.map((r) => r.KV.ModifyIndex) };
    } catch (error) {
      const { response } = error as Failure;
      if (response?.statusCode !== 409) throw this.#failed(what, error);
      const { Errors } = response.body as { Errors: readonly { OpIndex: number; What: string }[] };
      const denied = Errors.find(({ What }) => /permission denied/i.test(What));
      if (denied)
        throw storeErrors.STORE_CONSUL_REFUSED({ address: this.#address, what, reason: denied.What });
      return { kind: 'refused', at: Math.min(...Errors.map((e) => e.OpIndex)) };
    }
  }

  async createSession(name: string, ttlSeconds: number, lockDelaySeconds: number): Promise<string> {
    const [, session] = await this.#try('make a session', () =>
      this.#api.session.create({
        name,
        ttl: `${ttlSeconds}s`,
        lockdelay: `${lockDelaySeconds}s`,
        behavior: 'release',
        // Its end says that this process is gone, not that the agent of Consul beside it is.
        checks: [],
        ...this.#options(),
      }),
    );
    return session.ID;
  }

  async renewSession(id: string, timeoutMs?: number): Promise<boolean> {
    try {
      await this.#api.session.renew({ id, ...this.#options(timeoutMs) });
      return true;
    } catch (error) {
      if ((error as Failure).response?.statusCode === 404) return false;
      throw this.#failed('renew the session', error);
    }
  }

  async destroySession(id: string): Promise<void> {
    await this.#try('end the session', () => this.#api.session.destroy({ id, ...this.#options() }));
  }

  close(): void {
    this.#api.destroy();
  }

  #options(timeoutMs = this.#timeoutMs): Options {
    return { ctx: new Context(), timeout: timeoutMs };
  }

  async #try<T>(what: string, f: () => Promise<T>): Promise<T> {
    try {
      return await f();
    } catch (error) {
      throw this.#failed(what, error);
    }
  }

  #failed(what: string, error: unknown): Error {
    const response = (error as Failure).response;
    const body = response?.body;
    const said =
      typeof body === 'string' || Buffer.isBuffer(body) ? body.toString().trim().slice(0, 200) : '';
    const reason = said === '' ? unreachedText(this.#address, error, CONSUL_TLS) : said;
    const refused = response?.statusCode === 403 || response?.statusCode === 401;
    const make = refused ? storeErrors.STORE_CONSUL_REFUSED : storeErrors.STORE_CONSUL_UNAVAILABLE;
    return make({ address: this.#address, what, reason }, error);
  }
}

function itemOf({ Key, Value, ModifyIndex, Session }: RawItem): Item {
  return { key: Key, value: Value ?? '', index: ModifyIndex, session: Session };
}
