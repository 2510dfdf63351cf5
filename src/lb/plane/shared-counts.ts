/** Slots for addresses of clients; two that share one are told apart within a plane, not between planes. */
const SLOTS = 1 << 14;

/**
 * How many connections each plane has, in memory that all planes read, so that the limits on connections hold for all of
 * them together although no plane waits for another. Each plane writes its own row only; a new plane begins with an empty one.
 */
export class SharedCounts {
  readonly #rows: readonly Int32Array[];
  readonly #own: Int32Array;
  readonly #plane: number;
  readonly #clients = new Map<string, number>();

  constructor(memory: SharedArrayBuffer, plane: number, planes: number) {
    this.#plane = plane;
    this.#rows = Array.from(
      { length: planes },
      (_, i) => new Int32Array(memory, i * (SLOTS + 1) * Int32Array.BYTES_PER_ELEMENT, SLOTS + 1),
    );
    this.#own = this.#rows[plane] ?? new Int32Array(SLOTS + 1);
    this.#own.fill(0);
  }

  static memory(planes: number): SharedArrayBuffer {
    return new SharedArrayBuffer(planes * (SLOTS + 1) * Int32Array.BYTES_PER_ELEMENT);
  }

  /** A plane is gone, and its connections with it. */
  static clear(memory: SharedArrayBuffer, plane: number): void {
    new Int32Array(memory, plane * (SLOTS + 1) * Int32Array.BYTES_PER_ELEMENT, SLOTS + 1).fill(0);
  }

  /** Connections of this plane. */
  get own(): number {
    return this.#own[SLOTS] ?? 0;
  }

  /** Count one more connection from `ip`, unless there are as many as may be. */
  open(
    ip: string,
    limits: { readonly maxConnections: number; readonly connectionsPerClient: number },
  ): boolean {
    const slot = slotOf(ip);
    let all = 0;
    let same = this.#clients.get(ip) ?? 0;
    for (let i = 0; i < this.#rows.length; i++) {
      all += this.#rows[i]?.[SLOTS] ?? 0;
      if (i !== this.#plane) same += this.#rows[i]?.[slot] ?? 0;
    }
    if (all >= limits.maxConnections || same >= limits.connectionsPerClient) return false;
    this.#clients.set(ip, (this.#clients.get(ip) ?? 0) + 1);
    this.#change(slot, 1);
    return true;
  }

  close(ip: string): void {
    const left = (this.#clients.get(ip) ?? 1) - 1;
    if (left === 0) this.#clients.delete(ip);
    else this.#clients.set(ip, left);
    this.#change(slotOf(ip), -1);
  }

  #change(slot: number, by: number): void {
    this.#own[slot] = (this.#own[slot] ?? 0) + by;
    this.#own[SLOTS] = (this.#own[SLOTS] ?? 0) + by;
  }
}

/** FNV-1a over the text of the address. */
function slotOf(ip: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < ip.length; i++) hash = Math.imul(hash ^ ip.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}
