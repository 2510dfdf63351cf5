import type { Clock, Timer } from '../../core/clock.ts';
import type { DatagramSocket, ListenOptions, Peer } from '../types.ts';

export interface UdpParts {
  readonly udp: (
    options: ListenOptions,
    onMessage: (bytes: Uint8Array, from: Peer) => void,
  ) => Promise<DatagramSocket>;
  readonly clock: Pick<Clock, 'every'>;
  /** The addresses that a host stands for: itself, or for `0.0.0.0` and `::` those that this machine has now. */
  readonly addressesOf: (host: string) => readonly string[];
  /** `socket` is where the answer must leave. */
  readonly onMessage: (bytes: Uint8Array, from: Peer, socket: DatagramSocket) => void;
  /** SO_REUSEPORT, so that several workers can share the port. */
  readonly reusePort?: boolean;
}

/** How often to look for addresses that came or went (a virtual address that moves here, say). */
const LOOK_MS = 5_000;

/**
 * One port at every address of the machine, each with a socket of its own. One socket for all would answer from an address that the
 * system picks, and a client that asked another one does not take that answer.
 */
export class UdpAtEachAddress {
  readonly #parts: UdpParts;
  readonly #sockets = new Map<string, DatagramSocket>();
  #timer: Timer | undefined;
  #port = 0;

  constructor(parts: UdpParts) {
    this.#parts = parts;
  }

  /** Bind them all to the same port, with 0 to one that is picked; resolves to that port. Rejects when one is taken. */
  async open(host: string, port: number): Promise<number> {
    this.#port = port;
    const addresses = this.#parts.addressesOf(host);
    try {
      for (const ip of addresses) {
        await this.#bind(ip).catch((error: unknown) => {
          // An IPv6 address is listed a moment before it can be used.
          if (ip === host || codeOf(error) !== 'EADDRNOTAVAIL') throw error;
        });
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    if (!addresses.includes(host)) {
      this.#timer = this.#parts.clock.every(LOOK_MS, () => void this.#follow(host));
    }
    return this.#port;
  }

  /** The socket at one of the addresses; without a name the only one. */
  at(ip: string | undefined): DatagramSocket | undefined {
    return ip === undefined ? this.#sockets.values().next().value : this.#sockets.get(ip);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    await Promise.all(sockets.map((socket) => socket.close()));
  }

  async #bind(ip: string): Promise<void> {
    const { udp, onMessage, reusePort = false } = this.#parts;
    let socket: DatagramSocket | undefined;
    socket = await udp({ host: ip, port: this.#port, reusePort }, (bytes, from) => {
      if (socket) onMessage(bytes, from, socket);
    });
    this.#port = socket.address.port;
    this.#sockets.set(ip, socket);
  }

  /** Whatever cannot be bound yet is tried again the next time. */
  async #follow(host: string): Promise<void> {
    const now = new Set(this.#parts.addressesOf(host));
    for (const [ip, socket] of this.#sockets) {
      if (now.has(ip)) continue;
      this.#sockets.delete(ip);
      void socket.close();
    }
    for (const ip of now) {
      if (!this.#sockets.has(ip)) await this.#bind(ip).catch(() => {});
      if (!this.#timer) return this.close();
    }
  }
}

/** What the system said of an address that cannot be bound. */
export function codeOf(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
