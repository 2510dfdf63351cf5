import { compileRegex } from './regex.ts';
import type { CompiledRegex } from './regex.ts';
import type { HeaderMatcher, QueryMatcher, Route, RouteQuery, RuleOutcome } from './types.ts';

/** What failed, and what was asked for there. */
export interface Failure {
  readonly outcome: Exclude<RuleOutcome, 'chosen' | 'after-the-chosen-one'>;
  readonly detail: string;
}

/** A route made ready for matching. Regular expressions are compiled at their first use. */
export class Rule {
  readonly route: Route;
  /** Its place in the order of its host. */
  readonly rank: number;
  readonly plain: boolean;
  readonly #regexes = new Map<string, CompiledRegex | undefined>();

  constructor(route: Route, rank: number) {
    this.route = route;
    this.rank = rank;
    this.plain = route.methods === undefined && route.headers === undefined && route.query === undefined;
  }

  fits(query: RouteQuery): boolean {
    return this.fitsPath(query.path) && (this.plain || this.fitsRest(query));
  }

  fitsPath(path: string): boolean {
    const { route } = this;
    switch (route.pathKind) {
      case 'prefix':
        return path.startsWith(route.path);
      case 'segments':
        return path.startsWith(route.path) && endsSegment(route.path, path);
      case 'exact':
        return path === route.path;
      case 'regex':
        return this.#fitsRegex(route.path, path);
    }
  }

  /** Everything besides host and path. */
  fitsRest(query: RouteQuery): boolean {
    return this.#restFailure(query) === undefined;
  }

  /** The first thing that does not fit, in the order in which things are looked at. */
  failure(query: RouteQuery): Failure | undefined {
    const { path, pathKind } = this.route;
    if (!this.fitsPath(query.path)) return { outcome: 'path-differs', detail: `path ${pathKind} ${path}` };
    return this.#restFailure(query);
  }

  #restFailure(query: RouteQuery): Failure | undefined {
    const { methods, headers, query: parameters } = this.route;
    if (methods !== undefined && !methods.includes(query.method ?? ''))
      return { outcome: 'method-differs', detail: `method ${methods.join(' or ')}` };
    const header = headers?.find((h) => !this.#fitsHeader(h, query.header?.(h.name)));
    if (header !== undefined) return { outcome: 'header-differs', detail: `header ${wanted(header)}` };
    const parameter = parameters?.find((q) => !fitsQuery(q, query.query?.(q.name)));
    if (parameter !== undefined)
      return { outcome: 'query-differs', detail: `query parameter ${wanted(parameter)}` };
    return undefined;
  }

  #fitsHeader(matcher: HeaderMatcher, value: string | undefined): boolean {
    if (value === undefined) return false;
    if (matcher.equals !== undefined && value !== matcher.equals) return false;
    return matcher.regex === undefined || this.#fitsRegex(matcher.regex, value);
  }

  #fitsRegex(pattern: string, text: string): boolean {
    let regex = this.#regexes.get(pattern);
    if (regex === undefined && !this.#regexes.has(pattern)) {
      const compiled = compileRegex(pattern);
      // Whoever makes routes has checked the pattern; one that slips through fits nothing.
      regex = typeof compiled === 'string' ? undefined : compiled;
      this.#regexes.set(pattern, regex);
    }
    return regex?.fits(text) ?? false;
  }
}

/** Whether `prefix`, which the path begins with, ends where one of its segments does. */
export function endsSegment(prefix: string, path: string): boolean {
  return path.length === prefix.length || prefix.endsWith('/') || path.charCodeAt(prefix.length) === 47;
}

function fitsQuery(matcher: QueryMatcher, value: string | undefined): boolean {
  return value !== undefined && (matcher.equals === undefined || value === matcher.equals);
}

function wanted(matcher: HeaderMatcher): string {
  if (matcher.equals !== undefined) return `${matcher.name} = ${matcher.equals}`;
  return matcher.regex === undefined ? matcher.name : `${matcher.name} like ${matcher.regex}`;
}
