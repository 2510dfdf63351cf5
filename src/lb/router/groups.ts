import { byText, condition } from './order.ts';
import type { Problem, Route, Target } from './types.ts';

/**
 * Routes of several services that share their requests (canary, blue and green): those of one framework and group that
 * fit the same requests become one route with several targets. What cannot be shared, such as middlewares, is taken
 * from the first service in alphabetical order.
 */
export class RouteGroups {
  readonly #members = new Map<string, Map<string, Route>>();
  readonly #merged = new Map<string, Route>();
  readonly #changed = new Set<string>();

  remove(group: string, route: Route): void {
    const key = groupKey(group, route);
    this.#members.get(key)?.delete(route.id);
    this.#changed.add(key);
  }

  add(group: string, route: Route): void {
    const key = groupKey(group, route);
    const members = this.#members.get(key) ?? new Map<string, Route>();
    this.#members.set(key, members.set(route.id, route));
    this.#changed.add(key);
  }

  /** Merge what has changed since the last call: the merged routes that go and those that come. */
  settle(): { readonly gone: readonly Route[]; readonly come: readonly Route[] } {
    const gone: Route[] = [];
    const come: Route[] = [];
    for (const key of this.#changed) {
      const before = this.#merged.get(key);
      const after = merge(key, [...(this.#members.get(key)?.values() ?? [])]);
      if (JSON.stringify(before) === JSON.stringify(after)) continue;
      if (before !== undefined) gone.push(before);
      if (after === undefined) {
        this.#merged.delete(key);
        this.#members.delete(key);
      } else {
        come.push(after);
        this.#merged.set(key, after);
      }
    }
    this.#changed.clear();
    return { gone, come };
  }

  /** Members whose own settings have no effect. */
  problems(): Problem[] {
    const problems: Problem[] = [];
    for (const members of this.#members.values()) {
      const [first, ...others] = inOrder([...members.values()]);
      for (const route of others) {
        if (first === undefined || shared(first) === shared(route)) continue;
        problems.push({
          serviceKey: route.serviceKey,
          label: route.source[0] ?? '',
          reason: `its middlewares or TLS settings differ from those of ${first.serviceKey}, which come first in the group: write the same for both`,
        });
      }
    }
    return problems;
  }
}

function groupKey(group: string, route: Route): string {
  const [framework] = route.serviceKey.split('/', 1);
  const { protocol, listeners, host, priority } = route;
  return JSON.stringify([framework, group, protocol, listeners, host, condition(route), priority]);
}

const shared = (route: Route): string => JSON.stringify([route.middlewares, route.tls]);

const inOrder = (routes: readonly Route[]): Route[] =>
  routes.toSorted((a, b) => byText(a.serviceKey, b.serviceKey) || byText(a.id, b.id));

function merge(key: string, members: readonly Route[]): Route | undefined {
  const ordered = inOrder(members);
  const first = ordered[0];
  if (first === undefined) return undefined;
  const targets = new Map<string, Target>();
  for (const target of ordered.flatMap((route) => route.targets)) {
    const at = `${target.backendKey} ${JSON.stringify(target.canary)}`;
    if (!targets.has(at)) targets.set(at, target);
  }
  return { ...first, id: `group:${key}`, targets: [...targets.values()] };
}
