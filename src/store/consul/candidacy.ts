import { AsyncQueue } from '../../core/async-queue.ts';
import { sleep } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Leadership } from '../types.ts';
import type { Item } from './client.ts';
import { Lease } from './lease.ts';
import type { LeaseParts } from './lease.ts';

/** Others wait this much longer than the lease lasts, for clocks that do not run quite alike. */
const PATIENCE = 1.5;
/** After something went wrong, and while nobody may have the lock yet, look again so much later. */
const AGAIN_MS = 250;

interface Seen {
  readonly leader: Item | undefined;
  readonly beat: Item | undefined;
  readonly index: number;
}

/**
 * One candidate of an election. Who has the lock on the key of the leader (with a session of Consul) leads, and writes a beat as
 * a sign of life. Whoever has seen no new beat for one and a half leases takes the key away, in a transaction that makes sure that there
 * still is none: by then the leader knows that its lease is over. So a leader that was killed, stopped or cut off is replaced sooner than a
 * session of Consul could end, and yet there are never two.
 */
export class Candidacy {
  readonly events = new AsyncQueue<Leadership>();
  /** Something has been told. */
  readonly told: Promise<void>;
  readonly #parts: LeaseParts;
  readonly #stop = new AbortController();
  readonly #toldOnce: () => void;
  #running: Promise<void> = Promise.resolve();
  /** What was told last, as text to compare. */
  #told: string | undefined;
  /** When (monotonic) a beat was last found to be another one than before. */
  #beatAt = 0;
  #lastBeat = '';

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.told = promise;
    this.#toldOnce = resolve;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Lead no more and stand no more; resolves when Consul knows, or when it does not answer. */
  async end(): Promise<void> {
    this.#stop.abort();
    this.events.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, election } = this.#parts;
    const { signal } = this.#stop;
    let seen: Seen | undefined;
    let trouble: string | undefined;
    while (!signal.aborted) {
      try {
        seen = await this.#look(seen);
        if (signal.aborted) return;
        const waits =
          seen.leader?.session === undefined ? await this.#tryToLead(seen) : await this.#tryToFree(seen);
        if (trouble !== undefined) log.info({ election }, 'the election goes on');
        trouble = undefined;
        if (waits) await sleep(clock, AGAIN_MS, signal);
        else continue;
      } catch (error) {
        if (signal.aborted) return;
        const text = errorText(error);
        if (text !== trouble) log.warn({ election, error: text }, 'the election is held up');
        trouble = text;
        // Who leads is not known to have changed; but somebody waits for the first word.
        if (this.#told === undefined) this.#tell({ leader: undefined, isSelf: false });
        await sleep(clock, AGAIN_MS * (1 + this.#parts.random.next()), signal);
      }
      seen = undefined;
    }
  }

  /** See how things are, once they are not as in `before` or it is time to act. */
  async #look(before: Seen | undefined): Promise<Seen> {
    const { client, clock, path, leaseMs } = this.#parts;
    const leftMs = this.#beatAt + leaseMs * PATIENCE - clock.monotonic();
    const { items, index } = await client.list(`${path}/`, {
      ...(before && { after: before.index, waitMs: Math.max(1, leftMs) }),
      signal: this.#stop.signal,
    });
    const leader = items.find((i) => i.key === `${path}/leader`);
    const beat = items.find((i) => i.key === `${path}/beat`);
    const now = `${leader?.index} ${beat?.index}`;
    if (now !== this.#lastBeat) this.#beatAt = clock.monotonic();
    this.#lastBeat = now;
    return { leader, beat, index: index < (before?.index ?? 0) ? 0 : index };
  }

  /** Another one leads, or does not show signs of life. True when there is nothing to do for a moment. */
  async #tryToFree({ leader, beat }: Seen): Promise<boolean> {
    const { client, clock, path, election, leaseMs, log } = this.#parts;
    if (!leader) return true;
    this.#tell({ leader: leader.value, isSelf: false });
    if (clock.monotonic() - this.#beatAt < leaseMs * PATIENCE) return false;
    const beatKey = `${path}/beat`;
    const outcome = await client.transact([
      beat
        ? { Verb: 'check-index', Key: beatKey, Index: beat.index }
        : { Verb: 'check-not-exists', Key: beatKey },
      { Verb: 'delete-cas', Key: leader.key, Index: leader.index },
    ]);
    if (outcome.kind === 'done')
      log.warn({ election, leader: leader.value }, 'the leader shows no sign of life: its place is free');
    return outcome.kind !== 'done';
  }

  /** Nobody leads: take the lock, and lead for as long as the lease can be kept. True when somebody was faster. */
  async #tryToLead({ leader }: Seen): Promise<boolean> {
    const lease = await Lease.take(this.#parts, this.#stop.signal);
    if (!lease) {
      if (leader === undefined) this.#tell({ leader: undefined, isSelf: false });
      return true;
    }
    this.#tell({ leader: this.#parts.name, isSelf: true, term: lease.term });
    await lease.keep();
    if (!this.#stop.signal.aborted) this.#tell({ leader: undefined, isSelf: false });
    await lease.release();
    return true;
  }

  #tell(leadership: Leadership): void {
    const text = `${leadership.isSelf} ${leadership.leader}`;
    if (text === this.#told) return;
    this.#told = text;
    this.events.push(leadership);
    this.#toldOnce();
  }
}
