import { createServer } from 'node:net';
import type { Random } from '../core/random.ts';
import { meshErrors } from './errors.ts';

export type IsFree = (port: number) => Promise<boolean>;

/** Whether somebody could listen at that port of this machine, at all its addresses. */
export const isFreeHere: IsFree = (port) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '0.0.0.0', port, exclusive: true }, () => server.close(() => resolve(true)));
  });

/** Ports of a range, given out one after another from somewhere in it: what was just given back is not given out again soon. */
export class PortRange {
  readonly #first: number;
  readonly #last: number;
  readonly #isFree: IsFree;
  readonly #taken = new Set<number>();
  #next: number;

  constructor(
    range: { readonly firstPort: number; readonly lastPort: number },
    random: Random,
    isFree: IsFree = isFreeHere,
  ) {
    this.#first = range.firstPort;
    this.#last = range.lastPort;
    this.#isFree = isFree;
    this.#next = this.#first + Math.floor(random.next() * this.#size);
  }

  get #size(): number {
    return this.#last - this.#first + 1;
  }

  /** Rejects with MESH_NO_PORT. */
  async take(): Promise<number> {
    for (let i = 0; i < this.#size; i++) {
      const port = this.#next;
      this.#next = port === this.#last ? this.#first : port + 1;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await this.#isFree(port)) return port;
      this.#taken.delete(port);
    }
    throw meshErrors.MESH_NO_PORT({ first: this.#first, last: this.#last });
  }

  /** One that was given out before, by an earlier process. */
  keep(port: number): void {
    this.#taken.add(port);
  }

  give(port: number): void {
    this.#taken.delete(port);
  }
}
