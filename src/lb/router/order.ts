import type { Route } from './types.ts';

const CLASSES = { exact: 3, prefix: 2, segments: 2, regex: 1 } as const;

/** How closely a rule looks at the path: exact, then prefixes, then regular expressions, then rules for every path. */
export function pathClass(route: Route): number {
  return route.path === '' ? 0 : CLASSES[route.pathKind];
}

/** How many things besides host and path a rule asks for. */
export function extras(route: Route): number {
  const { methods, headers, query } = route;
  return (methods === undefined ? 0 : 1) + (headers?.length ?? 0) + (query?.length ?? 0);
}

/** All that decides which requests of its host fit, as text: rules with the same text fit the same requests. */
export function condition(route: Route): string {
  const { path, pathKind, methods, headers, query } = route;
  const kind = path === '' ? 'prefix' : pathKind;
  return JSON.stringify([kind, path, methods ?? 0, headers ?? 0, query ?? 0]);
}

/**
 * The order in which rules of one host are tried: priority, weight, the closer and longer path, more conditions; what
 * is then still equal is a tie, settled in the fixed order of services so that it does not depend on who came when.
 */
export function compareRules(a: Route, b: Route): number {
  return compareRank(a, b) || byText(a.path, b.path) || settleTie(a, b);
}

function compareRank(a: Route, b: Route): number {
  return (
    b.priority - a.priority ||
    b.weight - a.weight ||
    pathClass(b) - pathClass(a) ||
    b.path.length - a.path.length ||
    extras(b) - extras(a)
  );
}

function settleTie(a: Route, b: Route): number {
  return byText(a.serviceKey, b.serviceKey) || a.portIndex - b.portIndex || byText(a.id, b.id);
}

/** Whether nothing but the order of services decides between the two rules of one host. */
export function isTie(a: Route, b: Route): boolean {
  return compareRank(a, b) === 0 && condition(a) === condition(b);
}

export function byText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
