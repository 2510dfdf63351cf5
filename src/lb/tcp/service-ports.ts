import type { ListenerSpec, PlaneUpdate, PlaneWord } from '../plane/messages.ts';
import { portListeners } from '../router/listeners.ts';
import type { PortListener } from '../router/listeners.ts';
import type { Problem, Route } from '../router/types.ts';
import type { ServicePortsConfig } from './config.ts';

export interface ServicePortsParts {
  readonly config: ServicePortsConfig;
  /** Ports that the load balancer listens at for itself. */
  readonly own: () => ReadonlySet<number>;
  /** The service ports there shall be from now on. */
  readonly onListeners: (listeners: readonly ListenerSpec[]) => void;
}

/** A service port as people see it. */
export interface ServicePortView extends ListenerSpec {
  readonly state: 'opening' | 'listening' | 'failed';
  readonly reason: string | undefined;
  readonly services: readonly string[];
}

type Routes = PlaneUpdate['routes'];

/**
 * Follows which routes want a port of their own, settles who gets one, and says which ports are to be open. What two families
 * of protocols want at one port only the first gets: the others' routes are kept from the planes there.
 */
export class ServicePorts {
  readonly #parts: ServicePortsParts;
  /** Routes with a `port:<n>` among their listeners. */
  readonly #wanting = new Map<string, Route>();
  /** By route id, the listeners where another one goes first. */
  #lost: ReadonlyMap<string, readonly string[]> = new Map();
  /** The routes that each listener serves, by its name. */
  #at: ReadonlyMap<string, readonly Route[]> = new Map();
  #listeners: readonly ListenerSpec[] = [];
  #problems: readonly Problem[] = [];
  /** Why a port is not open, by name; by plane, for one may have it and another not. */
  readonly #failed = new Map<string, Map<number, string>>();
  readonly #open = new Set<string>();

  constructor(parts: ServicePortsParts) {
    this.#parts = parts;
  }

  /** What of an update the planes are to hear. */
  through(update: PlaneUpdate): PlaneUpdate {
    const { gone, come } = update.routes;
    let touched = false;
    for (const id of gone) touched = this.#wanting.delete(id) || touched;
    const plain: Route[] = [];
    const fresh = new Set<string>();
    for (const route of come) {
      if (!wantsPort(route)) {
        touched = this.#wanting.delete(route.id) || touched;
        plain.push(route);
        continue;
      }
      this.#wanting.set(route.id, route);
      fresh.add(route.id);
      touched = true;
    }
    if (!touched) return update;
    return { ...update, routes: this.#settle(gone, plain, fresh) };
  }

  #settle(gone: readonly string[], plain: readonly Route[], fresh: ReadonlySet<string>): Routes {
    const before = this.#lost;
    const { listeners, problems, lost } = portListeners({ routes: () => this.#wanting.values() });
    this.#lost = lost;
    this.#problems = problems;
    const leaving = new Set(gone);
    const come = [...plain];
    for (const route of this.#wanting.values()) {
      const same = (before.get(route.id) ?? []).join() === (lost.get(route.id) ?? []).join();
      if (same && !fresh.has(route.id)) continue;
      const shown = this.#shown(route);
      if (shown === undefined) leaving.add(route.id);
      else come.push(shown);
    }
    this.#at = this.#byListener();
    this.#listen(listeners);
    return { gone: [...leaving], come };
  }

  /** The route without the listeners that it does not get; undefined when it gets none. */
  #shown(route: Route): Route | undefined {
    const lost = this.#lost.get(route.id);
    if (lost === undefined) return route;
    const listeners = route.listeners.filter((name) => !lost.includes(name));
    return listeners.length === 0 ? undefined : { ...route, listeners };
  }

  /** Updates for a plane that knows nothing yet, as `through` would have them. */
  *whole(pieces: Iterable<PlaneUpdate>): Generator<PlaneUpdate> {
    for (const piece of pieces) {
      const come = piece.routes.come.flatMap((route) => this.#shown(route) ?? []);
      yield come.length === piece.routes.come.length && this.#lost.size === 0
        ? piece
        : { ...piece, routes: { ...piece.routes, come } };
    }
  }

  #listen(wanted: readonly PortListener[]): void {
    const { config, onListeners } = this.#parts;
    const refused: Problem[] = [];
    const listeners: ListenerSpec[] = [];
    for (const listener of wanted) {
      const routes = this.#at.get(listener.name) ?? [];
      const reason = this.#objection(listener, routes);
      if (reason === undefined) listeners.push({ ...listener, host: config.host });
      else for (const route of routes) refused.push(problemOf(route, reason));
    }
    this.#problems = [...this.#problems, ...refused];
    if (JSON.stringify(listeners) === JSON.stringify(this.#listeners)) return;
    this.#listeners = listeners;
    const names = new Set(listeners.map(({ name }) => name));
    for (const name of this.#failed.keys()) if (!names.has(name)) this.#failed.delete(name);
    for (const name of this.#open) if (!names.has(name)) this.#open.delete(name);
    onListeners(listeners);
  }

  /** Why a port is not to be opened at all. */
  #objection({ name, port }: PortListener, routes: readonly Route[]): string | undefined {
    const { config, own } = this.#parts;
    if (own().has(port)) return `${name} is taken by the load balancer itself: choose another port`;
    const byOperator = routes.some((route) => route.source[0]?.startsWith('lb.routes.'));
    if (!byOperator && (port < config.min || port > config.max))
      return `${name} is not opened: ports from ${config.min} to ${config.max} may be asked for (lb.servicePorts)`;
    return undefined;
  }

  #byListener(): Map<string, Route[]> {
    const at = new Map<string, Route[]>();
    for (const route of this.#wanting.values()) {
      for (const name of this.#shown(route)?.listeners ?? []) {
        const same = at.get(name);
        if (same === undefined) at.set(name, [route]);
        else same.push(route);
      }
    }
    return at;
  }

  /** How opening went at a plane; -1 before any plane tried. */
  onWord(plane: number, word: PlaneWord): void {
    if (word.kind !== 'listening' && word.kind !== 'listen-failed') return;
    const { name } = word;
    if (!this.#listeners.some((listener) => listener.name === name)) return;
    const failed = this.#failed.get(name) ?? new Map<number, string>();
    if (word.kind === 'listening') {
      this.#open.add(name);
      failed.delete(plane);
      failed.delete(-1);
    } else failed.set(plane, word.reason);
    if (failed.size > 0) this.#failed.set(name, failed);
    else this.#failed.delete(name);
  }

  /** Whoever asked for a port and does not get it. */
  problems(): Problem[] {
    const failures = [...this.#failed].flatMap(([name, failed]) => {
      const [reason] = failed.values();
      const text = `${name} cannot be opened at ${this.#parts.config.host}, and is tried again: ${reason}`;
      return (this.#at.get(name) ?? []).map((route) => problemOf(route, text));
    });
    return [...this.#problems, ...failures];
  }

  views(): ServicePortView[] {
    return this.#listeners.map((listener) => {
      const failed = this.#failed.get(listener.name);
      const state = failed !== undefined ? 'failed' : this.#open.has(listener.name) ? 'listening' : 'opening';
      const routes = this.#at.get(listener.name) ?? [];
      const services = [...new Set(routes.map((route) => route.serviceKey))].sort();
      return { ...listener, state, reason: failed?.values().next().value, services };
    });
  }
}

const wantsPort = (route: Route): boolean => route.listeners.some((name) => name.startsWith('port:'));

function problemOf(route: Route, reason: string): Problem {
  return { serviceKey: route.serviceKey, label: route.source[0] ?? '', reason };
}
