import type { Service } from '../../cluster/index.ts';
import type { BackendSpec } from '../plane/messages.ts';
import type { BackendWish, BookChange, Route } from '../router/index.ts';
import type { Checks } from './checks.ts';
import type { Drains } from './drains.ts';
import { Pieces } from './pieces.ts';
import type { News } from './pieces.ts';
import { changeOf, specOf } from './specs.ts';

/** How many routes go into one message for a plane that knows nothing yet. */
const A_MESSAGE = 256;

export interface PublishedParts {
  /** The ports of a service that some route leads to. */
  readonly backendsOf: (serviceKey: string) => readonly BackendWish[];
  /** A service as it is now. */
  readonly service: (serviceKey: string) => Service | undefined;
  /** Active checks; absent: none are made. */
  readonly checks?: Checks | undefined;
  /** What an operator has taken out of service; absent: nothing. */
  readonly drains?: Pick<Drains, 'applied'>;
}

/** What all planes are to know: the routes, and the backends that these lead to. Services without routes are not in here. */
export class Published {
  readonly #parts: PublishedParts;
  readonly #routes = new Map<string, Route>();
  readonly #specs = new Map<string, BackendSpec>();
  readonly #keysOf = new Map<string, readonly string[]>();

  constructor(parts: PublishedParts) {
    this.#parts = parts;
  }

  /** How many routes there are. */
  get routes(): number {
    return this.#routes.size;
  }

  /** A backend as the planes know it. */
  spec(key: string): BackendSpec | undefined {
    return this.#specs.get(key);
  }

  /** All backends that some route leads to. */
  specs(): Iterable<BackendSpec> {
    return this.#specs.values();
  }

  /**
   * What the planes have to be told after `change`, when also the instances of `services` may have changed: in several pieces
   * where that is much, the last with the routes.
   */
  follow(change: BookChange, services: readonly string[]): News[] {
    for (const id of change.gone) this.#routes.delete(id);
    for (const route of change.come) this.#routes.set(route.id, route);
    const pieces = new Pieces();
    const gone: string[] = [];
    for (const key of new Set([...services, ...change.services])) this.#service(key, pieces, gone);
    return pieces.all({ gone: change.gone, come: change.come }, gone);
  }

  #service(serviceKey: string, into: Pieces, leave: string[]): void {
    const before = this.#keysOf.get(serviceKey);
    const wishes = this.#parts.backendsOf(serviceKey);
    if (before === undefined && wishes.length === 0) return;
    const service = this.#parts.service(serviceKey);
    const leaving = new Set(before);
    for (const wish of wishes) {
      leaving.delete(wish.key);
      const plain = specOf(wish, service);
      const judged = this.#parts.checks?.judged(plain, service) ?? plain;
      const spec = this.#parts.drains?.applied(judged) ?? judged;
      const known = this.#specs.get(wish.key);
      const changed = known && changeOf(known, spec);
      if (known !== undefined && changed === undefined) continue;
      this.#specs.set(wish.key, spec);
      if (changed === undefined) into.set(spec);
      else into.change(changed);
    }
    for (const gone of leaving) {
      this.#specs.delete(gone);
      this.#parts.checks?.gone(gone);
      leave.push(gone);
    }
    if (wishes.length === 0) this.#keysOf.delete(serviceKey);
    else
      this.#keysOf.set(
        serviceKey,
        wishes.map((wish) => wish.key),
      );
  }

  /** All of it as it is now, in pieces, for a plane that knows nothing yet: backends before the routes that lead to them. */
  *pieces(): Generator<News> {
    const specs = [...this.#specs.values()];
    const routes = [...this.#routes.values()];
    const none = { gone: [], come: [], set: [] };
    for (let i = 0; i < specs.length;) {
      const pieces = new Pieces();
      for (; i < specs.length && pieces.count < 2; i++) pieces.set(specs[i] as BackendSpec);
      yield* pieces.all(none, []);
    }
    for (let i = 0; i < routes.length; i += A_MESSAGE)
      yield { routes: { gone: [], come: routes.slice(i, i + A_MESSAGE) }, backends: none };
  }
}
