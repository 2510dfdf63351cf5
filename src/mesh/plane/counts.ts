/** Why a connection was not let in, or did not get out. */
const REFUSALS = [
  /** Strict, and the client speaks something else. */
  'not-tls',
  /** No common version, no certificate, one by an authority that is not ours, out of time … */
  'bad-handshake',
  /** A certificate that is good, but nobody's id in our trust domain. */
  'not-an-svid',
  /** The task has no certificate yet. */
  'no-identity',
  'policy-denied',
  /** Nobody listens at the task's own port. */
  'task-unreachable',
  'too-many-connections',
  /** Outbound: one of the endpoints could not be reached, or is not who it should be. */
  'endpoint-failed',
  'endpoint-not-trusted',
  /** Outbound: no endpoint is left to be asked. */
  'no-endpoint',
] as const;
export type Refusal = (typeof REFUSALS)[number];

const CARRIED = ['inbound_tls', 'inbound_plain', 'outbound'] as const;
export type Carried = (typeof CARRIED)[number];

const WORDS = CARRIED.length * 2 + REFUSALS.length;

export const countsMemory = (): SharedArrayBuffer => new SharedArrayBuffer(WORDS * 8);

/** What a plane counts; it writes, the main thread reads. */
export class MeshCounts {
  readonly #words: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Float64Array(memory);
  }

  /** Connections that are open now. */
  get open(): number {
    return CARRIED.reduce((sum, kind) => sum + this.openOf(kind), 0);
  }

  begun(kind: Carried): void {
    this.#add(CARRIED.indexOf(kind), 1);
    this.#add(CARRIED.length + CARRIED.indexOf(kind), 1);
  }

  ended(kind: Carried): void {
    this.#add(CARRIED.length + CARRIED.indexOf(kind), -1);
  }

  refused(why: Refusal): void {
    this.#add(CARRIED.length * 2 + REFUSALS.indexOf(why), 1);
  }

  totalOf(kind: Carried): number {
    return this.#words[CARRIED.indexOf(kind)] ?? 0;
  }

  openOf(kind: Carried): number {
    return this.#words[CARRIED.length + CARRIED.indexOf(kind)] ?? 0;
  }

  refusals(why: Refusal): number {
    return this.#words[CARRIED.length * 2 + REFUSALS.indexOf(why)] ?? 0;
  }

  /** Another plane begins: nothing is open. */
  reset(): void {
    for (let i = 0; i < CARRIED.length; i++) this.#words[CARRIED.length + i] = 0;
  }

  static readonly carried: readonly Carried[] = CARRIED;
  static readonly refusals: readonly Refusal[] = REFUSALS;

  #add(index: number, by: number): void {
    this.#words[index] = (this.#words[index] ?? 0) + by;
  }
}
