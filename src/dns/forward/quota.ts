import { ipBytes } from '../zone/index.ts';

/** Waiting clients for each question that may be under way: joining one costs memory, if no socket. */
const WAITING_PER_FORWARD = 16;

/** How many questions wait, in all and for each client, so that no client can take all places. */
export class Quota {
  readonly #ofOne: number;
  readonly #ofAll: number;
  readonly #waiting = new Map<string, number>();
  #all = 0;

  constructor(maxForwards: number, shareOfOne: number) {
    this.#ofOne = Math.max(1, Math.floor(maxForwards * shareOfOne));
    this.#ofAll = maxForwards * WAITING_PER_FORWARD;
  }

  /** Take a place for a client; false when it has too many, or all are taken. Give it back with `leave`. */
  enter(client: string): boolean {
    const has = this.#waiting.get(client) ?? 0;
    if (has >= this.#ofOne || this.#all >= this.#ofAll) return false;
    this.#waiting.set(client, has + 1);
    this.#all++;
    return true;
  }

  leave(client: string): void {
    const has = this.#waiting.get(client) ?? 0;
    if (has <= 1) this.#waiting.delete(client);
    else this.#waiting.set(client, has - 1);
    this.#all--;
  }
}

/** One client as far as fairness goes: an IPv4 address, or an IPv6 network of 64 bits, which one machine can have to itself. */
export function clientKey(ip: string | undefined): string {
  if (ip === undefined) return '';
  const bytes = ip.includes(':') ? ipBytes(ip.split('%', 1)[0] as string) : undefined;
  return bytes?.length === 16 ? bytes.subarray(0, 8).join('.') : ip;
}
