import { byText, compareRules } from './order.ts';
import type { Problem, Route } from './types.ts';

/** A port that routes ask to be opened. */
export interface PortListener {
  /** `port:10000`. */
  readonly name: string;
  readonly port: number;
  /** `tls`: the ClientHello is read first; each route's `tls.mode` says whether TLS ends here. */
  readonly protocol: 'http' | 'https' | 'tcp' | 'tls';
}

/**
 * The ports of their own that routes ask for, in ascending order. What goes with only one protocol at a time is settled by
 * the first route in order; those that want another one are told, and get nothing there.
 */
export function portListeners(table: { routes(): Iterable<Route> }): {
  readonly listeners: readonly PortListener[];
  readonly problems: readonly Problem[];
  /** Ids of the routes that get nothing at some ports, with the names of these. */
  readonly lost: ReadonlyMap<string, readonly string[]>;
} {
  const byName = new Map<string, Route[]>();
  for (const route of table.routes()) {
    for (const name of route.listeners) {
      if (!name.startsWith('port:')) continue;
      const same = byName.get(name);
      if (same === undefined) byName.set(name, [route]);
      else same.push(route);
    }
  }
  const listeners: PortListener[] = [];
  const problems: Problem[] = [];
  const lost = new Map<string, string[]>();
  for (const [name, routes] of byName) {
    const ordered = routes.toSorted(
      (a, b) => b.priority - a.priority || byText(a.serviceKey, b.serviceKey) || compareRules(a, b),
    );
    const first = ordered[0];
    if (first === undefined) continue;
    const family = familyOf(first);
    const same = ordered.filter((route) => familyOf(route) === family);
    listeners.push({ name, port: Number(name.slice('port:'.length)), protocol: protocolOf(same) });
    for (const route of ordered) {
      if (familyOf(route) === family) continue;
      lost.set(route.id, [...(lost.get(route.id) ?? []), name]);
      problems.push({
        serviceKey: route.serviceKey,
        label: route.source[0] ?? '',
        reason: `${name} already speaks ${family} for ${first.serviceKey}, and cannot speak ${familyOf(route)} as well: choose another port`,
      });
    }
  }
  return { listeners: listeners.sort((a, b) => a.port - b.port), problems, lost };
}

/** HTTP over TLS and without do not go together on one port; TCP with and without names does. */
function familyOf(route: Route): 'http' | 'https' | 'tcp' {
  if (route.protocol === 'tcp') return 'tcp';
  return route.tls === undefined ? 'http' : 'https';
}

function protocolOf(routes: readonly Route[]): PortListener['protocol'] {
  const [first] = routes;
  if (first?.protocol === 'http') return first.tls === undefined ? 'http' : 'https';
  return routes.some((route) => route.tls !== undefined || route.host !== '*') ? 'tls' : 'tcp';
}
