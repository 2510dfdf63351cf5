import { compareRules, condition, extras, isTie } from './order.ts';
import { endsSegment } from './rule.ts';
import type { Problem, Route } from './types.ts';

/**
 * What is wrong among the rules of one host, given in the order they are tried: rules that are never reached, because
 * one of another backend comes first and takes all their requests. Where nothing but the order of services decides
 * between two services (a tie), both are told.
 */
export function findConflicts(routes: readonly Route[]): Problem[] {
  const problems: Problem[] = [];
  /** The first rule of each condition, and of each path prefix those without further conditions. */
  const same = new Map<string, Route>();
  const prefixes = new Map<string, Route[]>();
  for (const route of routes) {
    const key = condition(route);
    const winner = same.get(key) ?? firstPrefix(prefixes, route);
    if (winner !== undefined) {
      if (winner.backendKey !== route.backendKey) problems.push(...conflict(route, winner));
      continue;
    }
    same.set(key, route);
    if (extras(route) > 0 || route.pathKind === 'exact' || route.pathKind === 'regex') continue;
    const at = prefixes.get(route.path);
    if (at === undefined) prefixes.set(route.path, [route]);
    else at.push(route);
  }
  return problems;
}

/** Of the prefix rules that take all requests of this one, the one that is tried first. */
function firstPrefix(prefixes: ReadonlyMap<string, readonly Route[]>, route: Route): Route | undefined {
  // What a regular expression fits is not known: only a rule for every path is sure to take it all.
  const { path } = route;
  const longest = route.pathKind === 'regex' ? 0 : path.length;
  let first: Route | undefined;
  for (let n = 0; n <= longest; n++) {
    for (const rule of prefixes.get(path.slice(0, n)) ?? []) {
      const takesAll =
        rule.pathKind === 'prefix' ||
        (n < path.length || route.pathKind !== 'prefix' ? endsSegment(rule.path, path) : false);
      if (takesAll && (first === undefined || compareRules(rule, first) < 0)) first = rule;
    }
  }
  return first;
}

function conflict(route: Route, winner: Route): Problem[] {
  const tie = isTie(route, winner) && route.serviceKey !== winner.serviceKey;
  const loser: Problem = {
    serviceKey: route.serviceKey,
    label: labelOf(route),
    reason: `${textOf(route)} is already taken by ${nameOf(winner, route)}: ${advice(route)}`,
  };
  if (!tie) return [loser];
  return [
    loser,
    {
      serviceKey: winner.serviceKey,
      label: labelOf(winner),
      reason: `${textOf(winner)} is also asked for by ${route.serviceKey}, which gets none of it (services go in alphabetical order): ${advice(winner)}`,
    },
  ];
}

function nameOf(winner: Route, route: Route): string {
  if (winner.path === route.path && winner.pathKind === route.pathKind) return winner.serviceKey;
  return `${winner.serviceKey}, whose rule ${textOf(winner)} comes first`;
}

function labelOf(route: Route): string {
  return route.source[0] ?? '';
}

/** Both rules are at the same listener; where that is a port of its own, another port is the way out. */
function advice(route: Route): string {
  const where = isPort(route) ? 'port' : 'host or path';
  const port = /^HAPROXY_(\d+)_/.exec(labelOf(route))?.[1];
  if (port === undefined) return `choose another ${where}, or give one of the two a higher priority`;
  if (isPort(route)) return 'choose another port';
  return `choose another ${where}, or give one of the two a higher HAPROXY_${port}_BACKEND_WEIGHT`;
}

const isPort = ({ listeners }: Route): boolean => listeners.every((name) => name.startsWith('port:'));

/** A rule as people write it. */
function textOf(route: Route): string {
  const { host, path, pathKind, listeners } = route;
  const text =
    pathKind === 'regex' ? `${host} ${path}` : `${host}${path}${pathKind === 'exact' ? ' (exact)' : ''}`;
  if (!isPort(route)) return text;
  return text === '*' ? listeners.join(', ') : `${text} at ${listeners.join(', ')}`;
}
