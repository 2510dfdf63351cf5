import type { ApiRequest } from '../../../core/http/server.ts';
import { errorText } from '../../../core/errors.ts';
import type { Answer } from './replies.ts';

/** Query parameters, each with all its values; `a[]=x` is the same as `a=x`. */
export class Query {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(url: string) {
    const values = new Map<string, string[]>();
    const at = url.indexOf('?');
    const params = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
    for (const [key, value] of params) {
      const name = key.replace(/\[\]$/, '');
      values.set(name, [...(values.get(name) ?? []), value]);
    }
    this.#values = values;
  }

  first(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** `?force` and `?force=true` are true. */
  flag(name: string, otherwise = false): boolean {
    const value = this.first(name);
    if (value === undefined) return otherwise;
    return value === '' || value.toLowerCase() === 'true';
  }
}

export type Body =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly answer: Answer };

/** The JSON body of a request, whatever its media type says; 400 as Marathon writes it when it is none. */
export function jsonBody(request: ApiRequest): Body {
  const text = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (error) {
    return {
      ok: false,
      answer: { status: 400, body: { message: 'Invalid JSON', details: errorText(error) } },
    };
  }
}

/** The part of the path after `prefix`, decoded, with one leading slash and none at the end. */
export function restOfPath(request: ApiRequest, prefix: string): string {
  const path = request.url.replace(/\?.*$/s, '').slice(prefix.length);
  const parts = path.split('/').filter((p) => p !== '');
  return `/${parts.map(decoded).join('/')}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
