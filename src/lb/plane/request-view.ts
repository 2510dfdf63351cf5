import type { Admitted } from '../forward/index.ts';
import type { RequestParser } from '../http1/index.ts';
import type { RouteQuery } from '../router/index.ts';

/**
 * An admitted request as routing looks at it: rules may ask for the method, header fields, parameters of the query and cookies,
 * which are read only then. One object serves all requests of a plane, each for the length of one call.
 */
export class RequestView implements RouteQuery {
  host = '';
  path = '';
  listener = '';
  #target = '';
  #head: RequestParser;

  constructor(head: RequestParser) {
    this.#head = head;
  }

  /** `request` was admitted from the head that the parser holds now. */
  of(request: Admitted, listener: string, head: RequestParser = this.#head): this {
    this.host = request.host;
    this.path = request.path;
    this.listener = listener;
    this.#target = request.target;
    this.#head = head;
    return this;
  }

  get method(): string {
    return this.#head.method;
  }

  header(name: string): string | undefined {
    const { fields } = this.#head;
    let found: string | undefined;
    for (let i = 0; i < fields.count; i++) {
      if (fields.name(i) !== name) continue;
      found = found === undefined ? fields.value(i) : `${found}, ${fields.value(i)}`;
    }
    return found;
  }

  query(name: string): string | undefined {
    const at = this.#target.indexOf('?');
    if (at < 0) return undefined;
    return new URLSearchParams(this.#target.slice(at + 1)).get(name) ?? undefined;
  }

  /** The first cookie of this name (RFC 6265 §5.4). */
  cookie(name: string): string | undefined {
    for (const pair of this.header('cookie')?.split(/[;,]/) ?? []) {
      const at = pair.indexOf('=');
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
    }
    return undefined;
  }
}
