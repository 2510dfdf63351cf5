import { errorText } from '../../../core/errors.ts';
import type { HttpClient, HttpRequest, HttpResponse } from '../../../core/http/client.ts';
import { redirectOrigin } from '../../../mesos/index.ts';
import type { World } from '../../world.ts';
import { openDirectly } from '../identity-http.ts';
import { operateErrors } from './errors.ts';
import { loginFor } from './credentials.ts';
import type { Login } from './credentials.ts';
import { isJson, readLists } from './read-lists.ts';
import type { Json, Lists } from './read-lists.ts';
import { placesOf } from './where.ts';
import type { Where } from './where.ts';

/** For the head of an answer: a master with 100,000 tasks needs seconds to write them. */
const TIMEOUT_MS = 60_000;
/** For what only adds to an answer. */
export const BRIEFLY_MS = 3_000;

export interface ConnectionOptions extends Where {
  readonly token?: string;
}

type Asked = Pick<HttpRequest, 'method' | 'body' | 'timeoutMs'>;

/** What a request does, by the names of the policy, should it be refused. */
export interface Deed {
  readonly action: string;
  readonly object: string;
}

/** The APIs of a cluster, as whoever is logged in: of the leading master, and of the agents and frameworks that it names. */
export class Connection {
  /** As given or detected. */
  readonly origins: readonly string[];
  readonly world: World;
  readonly #http: HttpClient;
  readonly #login: Login | undefined;
  #leader: string | undefined;

  private constructor(world: World, http: HttpClient, origins: readonly string[], login: Login | undefined) {
    this.world = world;
    this.#http = http;
    this.origins = origins;
    this.#login = login;
  }

  /** Throws a RimrockError where no master is named in a way that can be read. */
  static async open(world: World, options: ConnectionOptions): Promise<Connection> {
    const { origins, cluster } = await placesOf(world, options);
    const login = await loginFor(world, origins, options.token, cluster);
    const tls = cluster?.tls;
    const http = await openDirectly(world, {
      connectTimeoutMs: 5_000,
      ...(tls && { tls: withoutGaps(tls) }),
    });
    return new Connection(world, http, origins, login);
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** JSON of the leading master. */
  async json(path: string): Promise<Json> {
    return this.read(await this.#atLeader({ method: 'GET' }, path), path);
  }

  /** A call of the operator API that answers with a document. */
  async call(type: string, payload?: Json): Promise<Json> {
    return this.read(await this.#atLeader(callOf(type, payload), '/api/v1'), type);
  }

  /** A call of the operator API that orders something. Throws where it is not done. */
  async order(type: string, payload: Json, deed: Deed): Promise<void> {
    await (await this.#atLeader(callOf(type, payload), '/api/v1', deed)).text();
  }

  /** Lists of a document of the leading master, item by item. `what`: a path, or a type of call. */
  async lists(what: string, lists: Lists): Promise<void> {
    const isPath = what.startsWith('/');
    const response = isPath
      ? await this.#atLeader({ method: 'GET' }, what)
      : await this.#atLeader(callOf(what), '/api/v1');
    await this.readLists(response, what, lists);
  }

  /** Ask another server that the master has named: an agent, a framework. Throws a RimrockError unless it answers with success. */
  async ask(origin: string, path: string, asked: Asked, who: string, deed?: Deed): Promise<HttpResponse> {
    const response = await this.#send(origin, path, asked).catch((error: unknown) => {
      throw operateErrors.CLI_NOT_ASKED({ who, problem: errorText(error), address: origin }, error);
    });
    return this.#judged(response, who, deed);
  }

  /** The answer of one server, whatever it is. Rejects when there is none. */
  raw(origin: string, path: string, asked: Asked): Promise<HttpResponse> {
    return this.#send(origin, path, asked);
  }

  async read(response: HttpResponse, what: string): Promise<Json> {
    const text = await response.text();
    try {
      const value: unknown = JSON.parse(text);
      if (isJson(value)) return value;
    } catch {
      // As below.
    }
    throw this.#unreadable(what, `it begins with '${text.slice(0, 40)}'`);
  }

  async readLists(response: HttpResponse, what: string, lists: Lists): Promise<void> {
    let whole: boolean;
    try {
      whole = await readLists(response.body, lists);
    } catch (error) {
      throw this.#unreadable(what, errorText(error));
    }
    if (!whole) throw this.#unreadable(what, 'it is no JSON');
  }

  /** The scheme that the cluster is spoken to with. */
  get scheme(): 'http' | 'https' {
    return (this.#leader ?? this.origins[0] ?? '').startsWith('https:') ? 'https' : 'http';
  }

  #unreadable(what: string, problem: string): Error {
    return operateErrors.CLI_ANSWER_UNREADABLE({ who: this.#leader ?? 'the server', what, problem });
  }

  /** One after the other is tried until one leads, or knows who does. */
  async #atLeader(asked: Asked, path: string, deed?: Deed): Promise<HttpResponse> {
    const known = this.#leader;
    const problems: string[] = [];
    for (const origin of new Set(known === undefined ? this.origins : [known, ...this.origins])) {
      const answer = await this.#tryOne(origin, path, asked);
      if (typeof answer === 'string') {
        problems.push(answer);
        continue;
      }
      this.#leader = answer.origin;
      return this.#judged(answer.response, answer.origin, deed);
    }
    throw operateErrors.CLI_NO_MASTER({ problems: problems.join('; ') });
  }

  /** The answer of this one or of whom it sends us to; a text says why there is none. */
  async #tryOne(
    first: string,
    path: string,
    asked: Asked,
  ): Promise<{ readonly origin: string; readonly response: HttpResponse } | string> {
    let origin = first;
    for (let hop = 0; hop < 3; hop++) {
      try {
        const response = await this.#send(origin, path, asked);
        if (response.status === 503) return `${origin}: ${(await response.text()).trim() || 503}`;
        if (response.status !== 307) return { origin, response };
        response.cancel();
        const next = redirectOrigin(response.headers['location'], origin);
        if (next === undefined) return `${origin}: sends on to nobody`;
        origin = next;
      } catch (error) {
        return `${origin}: ${errorText(error)}`;
      }
    }
    return `${first}: the masters send us around in circles`;
  }

  #send(origin: string, path: string, asked: Asked): Promise<HttpResponse> {
    const secret = this.#login?.header;
    // What began over TLS shows nobody the login without it.
    const mayShow = origin.startsWith('https:') || !(this.origins[0] ?? '').startsWith('https:');
    return this.#http.request({
      timeoutMs: TIMEOUT_MS,
      ...asked,
      url: `${origin}${path}`,
      headers: {
        accept: 'application/json',
        ...(asked.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(secret !== undefined && mayShow ? { authorization: secret } : {}),
      },
    });
  }

  async #judged(response: HttpResponse, who: string, deed: Deed | undefined): Promise<HttpResponse> {
    const { status } = response;
    if (status >= 200 && status < 300) return response;
    const text = (await response.text()).trim();
    if (status === 401) {
      const login =
        this.#login === undefined ? 'nobody is logged in' : `it does not take ${this.#login.what}`;
      throw operateErrors.CLI_LOGIN_NEEDED({ who, login });
    }
    if (status === 403)
      throw operateErrors.CLI_FORBIDDEN({ who, action: deed?.action ?? 'it', object: deed?.object ?? '' });
    throw operateErrors.CLI_REFUSED({ who, status, text: text.slice(0, 500) || 'it says nothing' });
  }
}

export function callOf(type: string, payload?: Json): Asked {
  return {
    method: 'POST',
    body: JSON.stringify({ type, ...(payload && { [type.toLowerCase()]: payload }) }),
  };
}

function withoutGaps<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as never;
}
