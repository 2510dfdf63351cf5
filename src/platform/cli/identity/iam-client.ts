import { errorText } from '../../../core/errors.ts';
import type { HttpRequest } from '../../../core/http/client.ts';
import type { World } from '../../world.ts';
import { openHttp } from '../identity-http.ts';
import { DEFAULT_API, readLogin } from './login-file.ts';

const TIMEOUT_MS = 30_000;

export interface IamReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Why a command cannot go on, in words for a person. */
export class IamProblem extends Error {
  readonly code: string;

  constructor(message: string, code = '') {
    super(message);
    this.code = code;
  }
}

/** The identity API of a platform that runs, as whoever is logged in. */
export class IamClient {
  readonly api: string;
  readonly token: string | undefined;
  readonly #world: World;

  private constructor(world: World, api: string, token: string | undefined) {
    this.#world = world;
    this.api = api.replace(/\/+$/, '');
    this.token = token;
  }

  /**
   * `api` and `RIMROCK_API` go before what is kept; `token` and `RIMROCK_TOKEN` before its token, which goes only where it is from. An
   * empty `token` is none.
   */
  static async open(world: World, api: string | undefined, token?: string): Promise<IamClient> {
    const kept = await readLogin(world);
    const { RIMROCK_API: named, RIMROCK_TOKEN: said } = world.environment;
    const where = api ?? named ?? kept?.api ?? DEFAULT_API;
    const used = token ?? said ?? (kept?.api === where ? kept.token : undefined);
    return new IamClient(world, where, used === '' ? undefined : used);
  }

  withToken(token: string): IamClient {
    return new IamClient(this.#world, this.api, token);
  }

  /** Throws IamProblem with what the API says. */
  async ask(method: HttpRequest['method'], path: string, body?: unknown): Promise<IamReply['body']> {
    const { status, body: answer } = await this.#send(method, path, body);
    if (status < 300) return answer;
    const { description, code } = answer as { description?: string; code?: string };
    const hint = status === 401 && path !== '/auth/login' ? '; log in with: rimrock login' : '';
    throw new IamProblem(`${description ?? `${this.api} answers ${status}`}${hint}`, code);
  }

  async #send(method: HttpRequest['method'], path: string, body: unknown): Promise<IamReply> {
    const client = await openHttp(this.#world).catch((error: unknown) => {
      throw new IamProblem(errorText(error));
    });
    try {
      const response = await client.request({
        method,
        url: `${this.api}/acs/api/v1${path}`,
        headers: {
          accept: 'application/json',
          ...(this.token !== undefined && { authorization: `token=${this.token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        timeoutMs: TIMEOUT_MS,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: objectOf(await response.text()) };
    } catch (error) {
      throw new IamProblem(`the identity API cannot be asked at ${this.api}: ${errorText(error)}`);
    } finally {
      await client.close();
    }
  }
}

function objectOf(text: string): IamReply['body'] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as IamReply['body']) : {};
  } catch {
    return {};
  }
}
