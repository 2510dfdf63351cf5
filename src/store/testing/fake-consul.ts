import type { Clock, Timer } from '../../core/clock.ts';
import type { Item, Listing, Operation, Outcome } from '../consul/client.ts';

interface Session {
  readonly ttlMs: number;
  readonly delayMs: number;
  timer: Timer;
}

interface Waiting {
  readonly prefix: string;
  readonly after: number;
  readonly answer: (listing: Listing) => void;
}

/** Keys, locks and sessions as Consul has them (one that never fails), in the time of a clock that is given. */
export class FakeConsul {
  readonly #clock: Clock;
  readonly #lifeOf: (ttlMs: number) => number;
  readonly #items = new Map<string, Item>();
  /** When keys that are no more were deleted, so that the index of a prefix never goes back. */
  readonly #deleted = new Map<string, number>();
  readonly #sessions = new Map<string, Session>();
  /** Until when (monotonic) nobody gets the lock of a key. */
  readonly #lockFrom = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #index = 1;
  #count = 0;

  /** `lifeOf`: how long a session lives that is not renewed; as early as Consul may end it (it may take twice as long). */
  constructor(clock: Clock, lifeOf: (ttlMs: number) => number = (ttlMs) => ttlMs) {
    this.#clock = clock;
    this.#lifeOf = lifeOf;
  }

  session(ttlSeconds: number, delaySeconds: number): string {
    const id = `s${++this.#count}`;
    const ttlMs = ttlSeconds * 1000;
    this.#sessions.set(id, { ttlMs, delayMs: delaySeconds * 1000, timer: this.#timer(id, ttlMs) });
    return id;
  }

  /** False when there is no such session. */
  renew(id: string): boolean {
    const session = this.#sessions.get(id);
    if (!session) return false;
    session.timer.cancel();
    session.timer = this.#timer(id, session.ttlMs);
    return true;
  }

  /** End a session: its locks are free, once the delay that it asked for is over. */
  end(id: string): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    session.timer.cancel();
    this.#sessions.delete(id);
    for (const item of this.#items.values()) {
      if (item.session !== id) continue;
      this.#items.set(item.key, { ...item, session: undefined, index: ++this.#index });
      this.#lockFrom.set(item.key, this.#clock.monotonic() + session.delayMs);
    }
    this.#wake();
  }

  get(key: string): Item | undefined {
    return this.#items.get(key);
  }

  list(prefix: string): Listing {
    const items = [...this.#items.values()].filter((i) => i.key.startsWith(prefix));
    return { items, index: this.#indexOf(prefix) };
  }

  /** A blocking query: answered when something below `prefix` is newer than `after`, or after `waitMs`. */
  listLater(prefix: string, after: number, waitMs: number, answer: (listing: Listing) => void): void {
    if (this.#indexOf(prefix) > after) return answer(this.list(prefix));
    const told = (listing: Listing): void => {
      timer.cancel();
      this.#waiting.delete(waiting);
      answer(listing);
    };
    const waiting: Waiting = { prefix, after, answer: told };
    const timer = this.#clock.after(waitMs, () => told(this.list(prefix)));
    this.#waiting.add(waiting);
  }

  /** All of it or nothing; what was written together has one index. */
  transact(operations: readonly Operation[]): Outcome {
    const at = operations.findIndex((o) => !this.#allows(o));
    if (at >= 0) return { kind: 'refused', at };
    const index = ++this.#index;
    const indexes = operations.flatMap((operation) => this.#do(operation, index));
    this.#wake();
    return { kind: 'done', indexes };
  }

  #do({ Verb, Key: key, Value: value = '', Session: session }: Operation, index: number): number[] {
    const before = this.#items.get(key);
    if (Verb === 'check-not-exists') return [];
    if (Verb === 'check-index' || Verb === 'check-session') return [before?.index ?? 0];
    if (Verb === 'delete' || Verb === 'delete-cas') {
      if (this.#items.delete(key)) this.#deleted.set(key, index);
      return [];
    }
    this.#items.set(key, { key, value, session: Verb === 'lock' ? session : before?.session, index });
    return [index];
  }

  #allows(operation: Operation): boolean {
    const { Verb, Key, Session, Index = 0 } = operation;
    const item = this.#items.get(Key);
    switch (Verb) {
      case 'check-session':
        return item !== undefined && item.session === Session;
      case 'check-index':
      case 'cas':
        return (item?.index ?? 0) === Index;
      case 'delete-cas':
        return item === undefined || item.index === Index;
      case 'check-not-exists':
        return item === undefined;
      case 'lock':
        return this.#mayLock(operation, item);
      case 'set':
      case 'delete':
        return true;
    }
  }

  #mayLock({ Key, Session = '' }: Operation, item: Item | undefined): boolean {
    if (!this.#sessions.has(Session) || this.#clock.monotonic() < (this.#lockFrom.get(Key) ?? 0))
      return false;
    return item?.session === undefined || item.session === Session;
  }

  #indexOf(prefix: string): number {
    let newest = 1;
    for (const { key, index } of this.#items.values())
      if (key.startsWith(prefix) && index > newest) newest = index;
    for (const [key, index] of this.#deleted) if (key.startsWith(prefix) && index > newest) newest = index;
    return newest;
  }

  #timer(id: string, ttlMs: number): Timer {
    return this.#clock.after(this.#lifeOf(ttlMs), () => this.end(id));
  }

  #wake(): void {
    for (const { prefix, after, answer } of this.#waiting)
      if (this.#indexOf(prefix) > after) answer(this.list(prefix));
  }
}
