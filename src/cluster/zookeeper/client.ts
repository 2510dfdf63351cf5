import { Backoff } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { serverText } from './address.ts';
import type { ZooKeeperAddress, ZooKeeperServer } from './address.ts';
import { ZooKeeperConnection } from './connection.ts';
import type { Answer } from './connection.ts';
import type { Dial } from './dial.ts';
import type { ReadOperation, WatchEvent } from './protocol.ts';

export interface ZooKeeperListener {
  /** A new session: no watch is set any more, so everything must be read again. */
  onSession(server: string): void;
  onWatch(event: WatchEvent): void;
  /** There is no session; we go on trying. Told after each loss and each round of servers that failed. */
  onTrouble(reason: string): void;
}

export interface ZooKeeperClientParts {
  readonly address: Pick<ZooKeeperAddress, 'servers' | 'credentials'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
  readonly listener: ZooKeeperListener;
}

/** A server that has not given a session in this time gets company: the next one is tried beside it. */
const PATIENCE_MS = 500;
/** A session that lived this long was a good one: the next try comes at once. */
const GOOD_MS = 5_000;

/**
 * A client that only reads. It keeps one session with one of the servers, whichever gives one first, and begins a new
 * one when that is lost, for ever. Servers that are dead or silent cost `PATIENCE_MS` each at most.
 */
export class ZooKeeperClient {
  readonly #parts: ZooKeeperClientParts;
  readonly #backoff: Backoff;
  readonly #tries = new Set<ZooKeeperConnection>();
  #order: ZooKeeperServer[] = [];
  #active: ZooKeeperConnection | undefined;
  #activeSinceMs = 0;
  #timer: Timer | undefined;
  #lastZxid = 0n;
  #stopped = false;

  constructor(parts: ZooKeeperClientParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random, { firstMs: 100, maxMs: 5_000, jitter: 0.5 });
  }

  start(): void {
    this.#round();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#active?.close();
    for (const one of this.#tries) one.close();
  }

  /** Ask the server that we have a session with. Never rejects; `lost` when there is none. */
  async read(op: ReadOperation, path: string, watch: boolean): Promise<Answer> {
    const active = this.#active;
    if (!active) return { ok: false, reason: 'lost', text: 'there is no session' };
    return active.read(op, path, watch);
  }

  /** Try all servers, in an order of chance so that many clients spread over them. */
  #round(): void {
    const { address, random } = this.#parts;
    this.#order = [...address.servers];
    for (let i = this.#order.length - 1; i > 0; i--) {
      const j = random.int(i + 1);
      const [a, b] = [this.#order[i], this.#order[j]];
      if (a && b) [this.#order[i], this.#order[j]] = [b, a];
    }
    this.#next();
  }

  #next(): void {
    this.#timer?.cancel();
    const server = this.#order.shift();
    if (!server || this.#stopped) return;
    this.#timer = this.#parts.clock.after(PATIENCE_MS, () => this.#next());
    const { clock, dial, address } = this.#parts;
    const name = serverText(server);
    const connection: ZooKeeperConnection = new ZooKeeperConnection({
      server,
      credentials: address.credentials,
      lastZxid: this.#lastZxid,
      dial,
      clock,
      listener: {
        onReady: () => this.#won(connection, name),
        onWatch: (event) => {
          if (connection === this.#active) this.#parts.listener.onWatch(event);
        },
        onClosed: (reason) => this.#closed(connection, `${name}: ${reason}`),
      },
    });
    this.#tries.add(connection);
  }

  #won(connection: ZooKeeperConnection, name: string): void {
    this.#timer?.cancel();
    this.#order = [];
    this.#tries.delete(connection);
    this.#active = connection;
    this.#activeSinceMs = this.#parts.clock.monotonic();
    for (const other of this.#tries) other.close();
    this.#parts.listener.onSession(name);
  }

  #closed(connection: ZooKeeperConnection, reason: string): void {
    const { clock, listener } = this.#parts;
    const wasTry = this.#tries.delete(connection);
    if (this.#stopped) return;
    if (connection === this.#active) {
      this.#active = undefined;
      this.#lastZxid = connection.zxid;
      if (clock.monotonic() - this.#activeSinceMs >= GOOD_MS) this.#backoff.reset();
      listener.onTrouble(reason);
      return this.#again();
    }
    // Others of the same round are closed when one of them has won; that is no news.
    if (!wasTry || this.#active) return;
    if (this.#order.length > 0) return this.#next();
    if (this.#tries.size > 0) return;
    // All of them refuse: perhaps because they know less than we have seen, after a new beginning of the ensemble.
    this.#lastZxid = 0n;
    listener.onTrouble(reason);
    this.#again();
  }

  #again(): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(this.#backoff.next(), () => this.#round());
  }
}
