import { FieldId } from '../http1/index.ts';
import type { Fields } from '../http1/index.ts';

/** Marks the fields of a head that stay; `FieldFilter` is one. */
export interface KeepMarks {
  readonly keep: Uint8Array;
  without(fields: Fields, names: ReadonlySet<string>): void;
}

/** What middlewares change in the head of an answer, compiled once per route. */
export class ResponseChanges {
  /** Lines that come into every answer of the route, also into our own; each with CRLF. */
  readonly lines: string;
  readonly #drop: ReadonlySet<string>;
  readonly #locationPrefix: string;
  readonly #host: string;

  constructor(parts: {
    readonly drop: ReadonlySet<string>;
    readonly lines: string;
    readonly locationPrefix: string;
    /** Host of the request, as the client wrote it. */
    readonly host?: string;
  }) {
    this.#drop = parts.drop;
    this.lines = parts.lines;
    this.#locationPrefix = parts.locationPrefix;
    this.#host = parts.host ?? '';
  }

  /** Take fields out, and return the lines that come in. */
  apply(fields: Fields, marks: KeepMarks): string {
    if (this.#drop.size > 0) marks.without(fields, this.#drop);
    return this.#locationPrefix === '' ? this.lines : this.#location(fields, marks) + this.lines;
  }

  #location(fields: Fields, marks: KeepMarks): string {
    for (let i = 0; i < fields.count; i++) {
      if (marks.keep[i] !== 1 || fields.id[i] !== FieldId.OTHER || fields.name(i) !== 'location') continue;
      const value = prefixed(fields.value(i), this.#locationPrefix, this.#host);
      if (value === undefined) return '';
      marks.keep[i] = 0;
      return `Location: ${value}\r\n`;
    }
    return '';
  }

  /** The same for a request of this host (lower case, without port), by which it knows which locations are its own. */
  forHost(host: string): ResponseChanges {
    if (this.#locationPrefix === '') return this;
    const { lines } = this;
    return new ResponseChanges({
      drop: this.#drop,
      lines,
      locationPrefix: this.#locationPrefix,
      host,
    });
  }
}

/** A Location with `prefix` before its path; undefined when it leads to another host, or is relative to the path. */
function prefixed(location: string, prefix: string, host: string): string | undefined {
  const absolute = /^((?:https?:)?\/\/([^/?#]*))(.*)$/i.exec(location);
  const [, origin = '', authority = '', rest = location] = absolute ?? [];
  if (absolute !== null && authority.replace(/:\d+$/, '').toLowerCase() !== host) return undefined;
  if (!rest.startsWith('/')) return absolute === null || rest !== '' ? undefined : `${origin}${prefix}`;
  return `${origin}${prefix.endsWith('/') ? prefix.slice(0, -1) : prefix}${rest}`;
}

/** What the middlewares of a route do to one exchange. What is the same for all requests of a route is made once. */
export interface Passage {
  /** Names (lower case) of request fields that do not go to the instance; undefined: none. */
  readonly drop: ReadonlySet<string> | undefined;
  /** Lines that go to the instance besides, each with CRLF. */
  readonly requestLines: string;
  /** Largest request body, bytes. */
  readonly bodyLimit: number;
  readonly response: ResponseChanges | undefined;
}
