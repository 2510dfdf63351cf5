import type { Clock } from '../../core/clock.ts';

interface Tried {
  failures: number;
  /** Monotonic, milliseconds. */
  last: number;
  /** The one before that, which counts again when the last one turns out not to be wrong. */
  before: number;
}

interface Limit {
  /** So many wrong ones cost nothing. */
  readonly free: number;
  /** The longest that one has to wait. */
  readonly longestMs: number;
}

const FIRST_WAIT_MS = 1_000;

/** Of an account, from anywhere but this machine. */
const ACCOUNT: Limit = { free: 5, longestMs: 15 * 60_000 };

/**
 * Of an account, from this machine: counted apart, so that nobody outside can lock out who sits at the machine, and never for longer
 * than a person has patience.
 */
const ACCOUNT_HERE: Limit = { free: 5, longestMs: 30_000 };

/** Of all accounts together, from one address: many people may come from it. */
const ADDRESS: Limit = { free: 30, longestMs: 60_000 };

/** Wrong ones are forgotten when so long nobody tried. */
const FORGET_MS = 60 * 60_000;

/** Of each table. */
const MOST = 10_000;

/** How many of the oldest are looked at to find the one that is forgotten. */
const LOOK_AT = 16;

/**
 * Slows down who guesses: after a few wrong credentials each further attempt has to wait twice as long, by account and by address. An
 * attempt counts as wrong from its beginning until it turns out right, so that many at once are no way around it. Its tables are bounded;
 * in a full one the least noticed is forgotten, so that noise does not push out what is slowed down.
 */
export class Guesses {
  /** Attempts that were told to wait. */
  throttled = 0;
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Tried>();
  readonly #addresses = new Map<string, Tried>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * How long an attempt has to wait, in milliseconds; undefined: it may be made now, and counts as wrong until `right` is called.
   * `account` undefined counts for the address alone.
   */
  begin(account: string | undefined, address: string): number | undefined {
    const now = this.#clock.monotonic();
    const counted = countersOf(account, address);
    const waits = counted.map(({ table, key, limit }) => {
      const tried = this.#table(table).get(key);
      return tried === undefined ? 0 : waitOf(tried, limit, now);
    });
    const wait = Math.max(0, ...waits);
    if (wait > 0) {
      this.throttled++;
      return wait;
    }
    for (const { table, key } of counted) this.#count(this.#table(table), key, now);
    return undefined;
  }

  /** The attempt that began was right after all. */
  right(account: string | undefined, address: string): void {
    for (const { table, key } of countersOf(account, address)) {
      // Who knows the password of one account may still guess those of others.
      if (table === 'account') this.#accounts.delete(key);
      else takeBack(this.#addresses, key);
    }
  }

  /** The attempt that began was not made: nobody knows whether it was right. */
  notMade(account: string | undefined, address: string): void {
    for (const { table, key } of countersOf(account, address)) takeBack(this.#table(table), key);
  }

  /** How many accounts and addresses are remembered. */
  get size(): number {
    return this.#accounts.size + this.#addresses.size;
  }

  #table(name: 'account' | 'address'): Map<string, Tried> {
    return name === 'account' ? this.#accounts : this.#addresses;
  }

  #count(table: Map<string, Tried>, key: string, now: number): void {
    const known = table.get(key);
    const failures = known === undefined || now - known.last > FORGET_MS ? 0 : known.failures;
    table.delete(key);
    if (table.size >= MOST) forgetOne(table);
    table.set(key, { failures: failures + 1, last: now, before: known?.last ?? now });
  }
}

/** As if the last attempt had not been: who is often right waits for what was wrong, and no longer. */
function takeBack(table: Map<string, Tried>, key: string): void {
  const tried = table.get(key);
  if (tried === undefined) return;
  if (tried.failures <= 1) table.delete(key);
  else {
    tried.failures--;
    tried.last = tried.before;
  }
}

interface Counter {
  readonly table: 'account' | 'address';
  readonly key: string;
  readonly limit: Limit;
}

function countersOf(account: string | undefined, address: string): Counter[] {
  const here = isLoopback(address);
  const counters: Counter[] = [];
  if (account !== undefined) {
    const limit = here ? ACCOUNT_HERE : ACCOUNT;
    counters.push({ table: 'account', key: `${here ? 'here' : 'away'} ${account}`, limit });
  }
  // What comes from this machine may be a proxy, for everybody.
  if (!here) counters.push({ table: 'address', key: networkOf(address), limit: ADDRESS });
  return counters;
}

function waitOf({ failures, last }: Tried, { free, longestMs }: Limit, now: number): number {
  if (failures < free || now - last > FORGET_MS) return 0;
  const pause = Math.min(longestMs, FIRST_WAIT_MS * 2 ** Math.min(failures - free, 30));
  return Math.max(0, last + pause - now);
}

/** Of the oldest few, the one that was wrong least often. */
function forgetOne(table: Map<string, Tried>): void {
  let least: string | undefined;
  let failures = Infinity;
  let looked = 0;
  for (const [key, tried] of table) {
    if (tried.failures < failures) [least, failures] = [key, tried.failures];
    if (++looked >= LOOK_AT) break;
  }
  if (least !== undefined) table.delete(least);
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/** An IPv6 customer has 2^64 addresses at least (RFC 6177). */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.split('::', 2);
  const groups = head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  if (tail !== undefined) while (groups.length + after.length < 8) groups.push('0');
  return [...groups, ...after]
    .slice(0, 4)
    .map((group) => group || '0')
    .join(':');
}
