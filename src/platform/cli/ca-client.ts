import { errorText } from '../../core/errors.ts';
import type { HttpClient, HttpResponse } from '../../core/http/client.ts';

/** What to tell whoever asked, in lines. */
export class CaRefused extends Error {
  override readonly name = 'CaRefused';
}

const TIMEOUT_MS = 30_000;

/** The HTTP API of an authority. Everything but an answer of 200 is a CaRefused. */
export class CaClient {
  readonly #http: HttpClient;
  readonly #api: string;
  readonly #token: string | undefined;

  constructor(http: HttpClient, api: string, token: string | undefined) {
    this.#http = http;
    this.#api = api;
    this.#token = token;
  }

  async json(method: 'GET' | 'POST', path: string, body?: object): Promise<Record<string, unknown>> {
    return JSON.parse(await this.text(method, path, body)) as Record<string, unknown>;
  }

  async text(method: 'GET' | 'POST', path: string, body?: object): Promise<string> {
    return (await this.#ask(method, path, body)).text();
  }

  async bytes(method: 'GET' | 'POST', path: string, body?: object): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of (await this.#ask(method, path, body)).body) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async #ask(method: 'GET' | 'POST', path: string, body: object | undefined): Promise<HttpResponse> {
    let url: URL;
    try {
      url = new URL(`/ca/v1${path}`, this.#api);
    } catch {
      throw new CaRefused(`'${this.#api}' is not a URL: write --api http://127.0.0.1:8101\n`);
    }
    const headers = {
      'content-type': 'application/json',
      ...(this.#token === undefined ? {} : { authorization: `token=${this.#token}` }),
    };
    const response = await this.#http
      .request({
        method,
        url: url.href,
        headers,
        timeoutMs: TIMEOUT_MS,
        ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
      })
      .catch((error: unknown) => {
        throw new CaRefused(
          `${url.origin} cannot be asked: ${errorText(error)}. Does the authority run there?\n`,
        );
      });
    if (response.status === 200) return response;
    throw new CaRefused(refusalText(response.status, await response.text()));
  }
}

function refusalText(status: number, text: string): string {
  try {
    const { code, message, description, hint } = JSON.parse(text) as Record<string, string | undefined>;
    const lines = [
      message ?? description ?? String(status),
      hint,
      code === undefined ? undefined : `[${code}]`,
    ];
    return `${lines.filter((line) => line !== undefined).join('\n')}\n`;
  } catch {
    return `the authority says ${status}\n`;
  }
}
