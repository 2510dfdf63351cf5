import type { IdentitySpec, PlaneOrder } from '../plane/messages.ts';

/** The authority that our own identity comes from; the others are named in the configuration. */
export const IDENTITY = 'identity';

/** The authorities that a plane knows at one moment, and who it is itself. */
export class Trusted {
  readonly identity: IdentitySpec | undefined;
  readonly #roots: ReadonlyMap<string, string>;

  constructor({
    authorities = [],
    identity,
  }: Pick<Extract<PlaneOrder, { kind: 'certificates' }>, 'authorities' | 'identity'>) {
    this.identity = identity;
    this.#roots = new Map(authorities.map(({ name, roots }) => [name, roots]));
  }

  /** PEM; undefined: nobody of this name is known. */
  roots(name: string): string | undefined {
    return name === IDENTITY ? this.identity?.roots : this.#roots.get(name);
  }

  /** The same are believed, whoever we are. */
  believesAs(other: Trusted): boolean {
    const names = new Set([IDENTITY, ...this.#roots.keys(), ...other.#roots.keys()]);
    return [...names].every((name) => this.roots(name) === other.roots(name));
  }
}
