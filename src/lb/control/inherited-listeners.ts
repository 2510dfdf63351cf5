import type { InheritedSockets } from '../../core/predecessor.ts';
import type { ListenerSpec } from '../plane/messages.ts';

/**
 * Listening sockets of another process, dealt out to the planes. All of them are accepted from, also when they are more than
 * there are planes: what waits in the queue of one that is closed is lost.
 */
export class InheritedListeners {
  readonly #sockets: InheritedSockets;
  readonly #planes: number;
  /** By address: what each plane gets and has not been told. */
  readonly #shares = new Map<string, (readonly number[])[]>();

  constructor(sockets: InheritedSockets, planes: number) {
    this.#sockets = sockets;
    this.#planes = planes;
  }

  /** There are some that no plane has been told of. */
  has(host: string, port: number): boolean {
    return this.#sockets.has('tcp', host, port);
  }

  /** For the order that has this plane open the address. */
  take(plane: number, { host, port }: ListenerSpec): readonly number[] {
    const where = `${host} ${port}`;
    let shares = this.#shares.get(where);
    if (shares === undefined) {
      const all = this.#sockets.take('tcp', host, port);
      shares = Array.from({ length: this.#planes }, (_, i) => all.filter((__, n) => n % this.#planes === i));
      this.#shares.set(where, shares);
    }
    const mine = shares[plane] ?? [];
    shares[plane] = [];
    return mine;
  }
}
