import type { BackendChange, BackendSpec, PlaneUpdate } from '../plane/messages.ts';

/** How many endpoints of backends go into one message: a plane takes them in within a millisecond. */
const A_MESSAGE = 256;

export type News = Pick<PlaneUpdate, 'routes' | 'backends'>;

interface Piece {
  readonly set: BackendSpec[];
  readonly changed: BackendChange[];
}

/** Puts what is new about backends into messages none of which holds a plane up for long. */
export class Pieces {
  readonly #pieces: Piece[] = [{ set: [], changed: [] }];
  #weight = 0;

  get count(): number {
    return this.#pieces.length;
  }

  /** Where what weighs so much goes; it may be followed by more in the same message. */
  #room(weight: number): Piece {
    if (this.#weight >= A_MESSAGE) {
      this.#pieces.push({ set: [], changed: [] });
      this.#weight = 0;
    }
    this.#weight += weight;
    return this.#pieces.at(-1) as Piece;
  }

  /** A new backend; the endpoints of a large one follow it. */
  set(spec: BackendSpec): void {
    const { key, hasInstances, endpoints } = spec;
    if (endpoints.length <= A_MESSAGE) {
      this.#room(2 + endpoints.length).set.push(spec);
      return;
    }
    this.#room(2).set.push({ ...spec, endpoints: [] });
    for (let i = 0; i < endpoints.length; i += A_MESSAGE) {
      const come = endpoints.slice(i, i + A_MESSAGE);
      const more = i + A_MESSAGE < endpoints.length;
      this.#room(2 + come.length).changed.push({ key, hasInstances, gone: [], come, more });
    }
  }

  /** Where many go and others come, they do so side by side, so that there are never too few. */
  change(change: BackendChange): void {
    const { key, hasInstances, gone, come } = change;
    const steps = Math.max(1, Math.ceil((gone.length + come.length) / A_MESSAGE));
    if (steps === 1) {
      this.#room(2 + gone.length + come.length).changed.push(change);
      return;
    }
    const part = <T>(all: readonly T[], step: number): T[] =>
      all.slice(Math.floor((all.length * step) / steps), Math.floor((all.length * (step + 1)) / steps));
    for (let step = 0; step < steps; step++) {
      const policy = step === 0 && change.policy !== undefined ? { policy: change.policy } : {};
      const some = { gone: part(gone, step), come: part(come, step) };
      this.#room(A_MESSAGE).changed.push({ key, hasInstances, ...some, ...policy });
    }
  }

  /** All messages; routes and the end of backends come with the last, for a route never leads to what is not there. */
  all(routes: News['routes'], gone: readonly string[]): News[] {
    const last = this.#pieces.length - 1;
    return this.#pieces.map((backends, i) =>
      i === last
        ? { routes, backends: { ...backends, gone } }
        : { routes: { gone: [], come: [] }, backends: { ...backends, gone: [] } },
    );
  }
}
