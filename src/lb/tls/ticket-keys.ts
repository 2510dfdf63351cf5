import type { Random } from '../../core/random.ts';

const KEY_BYTES = 48;
/** The one in use and two from before. */
const KEPT = 3;

/** Keys for session tickets. Whoever has them can read what was said in sessions that were resumed: only the process that takes over from this one gets them. */
export class TicketKeys {
  readonly #random: Pick<Random, 'bytes'>;
  #keys: readonly Uint8Array[];

  /** `earlier`: those of the process before this one, as its `texts` said. */
  constructor(random: Pick<Random, 'bytes'>, earlier: readonly string[] = []) {
    this.#random = random;
    const keys = earlier.map((text) => Buffer.from(text, 'base64')).filter((key) => key.length === KEY_BYTES);
    this.#keys = keys.length > 0 ? keys.slice(0, KEPT) : [random.bytes(KEY_BYTES)];
  }

  get texts(): readonly string[] {
    return this.#keys.map((key) => Buffer.from(key).toString('base64'));
  }

  /** The first encrypts. */
  get keys(): readonly Uint8Array[] {
    return this.#keys;
  }

  rotate(): void {
    this.#keys = [this.#random.bytes(KEY_BYTES), ...this.#keys.slice(0, KEPT - 1)];
  }
}
