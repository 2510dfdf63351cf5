import type { HttpClient, HttpRequest, HttpResponse } from '../../core/http/client.ts';

/** One or several URLs of `http` or `https`, with commas between, as the configuration has them. */
export const PLACES = /^https?:\/\/[^\s,/]+\/*(,\s*https?:\/\/[^\s,/]+\/*)*$/i;

/** Answers of who does not lead. */
const NOT_HERE: ReadonlySet<number> = new Set([307, 503]);

/**
 * Where an authority is found: one URL, or those of several masters of which one leads. The others know the way to it (307). Whom to believe is
 * the client's business, wherever it is sent.
 */
export class AuthorityPlaces {
  /** For messages. */
  readonly text: string;
  readonly #origins: readonly string[];
  #turn = 0;
  /** The one that has answered last. */
  #leader: string | undefined;

  constructor(urls: string) {
    this.text = urls;
    this.#origins = urls.split(',').map((url) => url.trim().replace(/\/+$/, ''));
  }

  /** The same places, over TLS. */
  get secure(): AuthorityPlaces {
    return new AuthorityPlaces(this.#origins.map((url) => url.replace(/^http:/i, 'https:')).join());
  }

  /** Each is asked once, as long as none leads. Resolves with the last answer; rejects when the last one gave none. */
  async ask(client: HttpClient, path: string, request: Omit<HttpRequest, 'url'>): Promise<HttpResponse> {
    const order = this.#order();
    for (const [i, origin] of order.entries()) {
      const last = i === order.length - 1;
      try {
        const response = await this.#askOne(client, origin, path, request);
        if (last || !NOT_HERE.has(response.status)) return response;
        response.cancel();
      } catch (error) {
        if (last || request.signal?.aborted === true) throw error;
      }
    }
    throw new Error('there is no place to ask');
  }

  #order(): readonly string[] {
    const at = this.#turn++ % this.#origins.length;
    const turned = [...this.#origins.slice(at), ...this.#origins.slice(0, at)];
    const leader = this.#leader;
    this.#leader = undefined;
    return leader === undefined ? turned : [leader, ...turned.filter((origin) => origin !== leader)];
  }

  async #askOne(
    client: HttpClient,
    origin: string,
    path: string,
    request: Omit<HttpRequest, 'url'>,
  ): Promise<HttpResponse> {
    let at = origin;
    let response = await client.request({ ...request, url: at + path });
    const { location } = response.headers;
    if (response.status === 307 && location !== undefined && URL.canParse(location, origin)) {
      response.cancel();
      at = new URL(location, origin).origin;
      response = await client.request({ ...request, url: at + path });
    }
    if (!NOT_HERE.has(response.status)) this.#leader = at;
    return response;
  }
}
