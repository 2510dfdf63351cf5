import { isAmbiguousPath } from '../forward/path.ts';
import type { RewriteMiddleware } from '../router/middleware.ts';
import { compileRegex } from '../router/regex.ts';
import type { Refusal, Step, Visit } from './types.ts';

/** Gives the instance another path; undefined: it only rewrites answers. */
export function rewrite(definition: RewriteMiddleware): Step | undefined {
  const { stripPrefix, regex, replacement, addPrefix } = definition;
  const compiled = regex === undefined ? undefined : compileRegex(regex);
  if (stripPrefix === undefined && compiled === undefined && addPrefix === undefined) return undefined;
  const check = ({ request }: Visit): Refusal | undefined => {
    const { target } = request;
    if (!target.startsWith('/')) return undefined;
    const at = target.indexOf('?');
    let path = at < 0 ? target : target.slice(0, at);
    let query = at < 0 ? '' : target.slice(at);
    if (stripPrefix !== undefined) path = stripped(path, stripPrefix);
    if (compiled !== undefined && typeof compiled !== 'string' && replacement !== undefined) {
      const to = compiled.expand(path, replacement);
      if (to !== undefined) [path, query] = withQuery(to, query);
    }
    if (addPrefix !== undefined) path = joined(addPrefix, path);
    // Groups of the client's choice may come together as another path than the one that was admitted.
    if (isAmbiguousPath(path)) return { reason: 'ambiguous-path', detail: 'after a rewrite' };
    request.target = path + query;
    return undefined;
  };
  return { check, peek: check };
}

/** Without the prefix, where its segments are there. */
function stripped(path: string, prefix: string): string {
  const plain = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (path === plain) return '/';
  return path.startsWith(`${plain}/`) ? path.slice(plain.length) : path;
}

function joined(prefix: string, path: string): string {
  return prefix.endsWith('/') ? `${prefix.slice(0, -1)}${path}` : `${prefix}${path}`;
}

/** A replacement may have a query of its own; that of the request comes after it. */
function withQuery(to: string, query: string): [string, string] {
  const at = to.indexOf('?');
  if (at < 0) return [to, query];
  return [to.slice(0, at), query === '' ? to.slice(at) : `${to.slice(at)}&${query.slice(1)}`];
}
