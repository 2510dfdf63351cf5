import type { Clock } from '../core/clock.ts';
import { sleep } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Store, Term } from './types.ts';

/** What leads together with a server: it begins before that answers anything, with the same term, and ends with it. */
export interface LeadsAlong {
  /** Where it is found, on the machine of the server; valid once started. */
  readonly port: number;
  /** Read what was known, then begin to work. What it began is ended by `end`, also while it begins. */
  begin(term: Term): Promise<void>;
  end(): void;
}

/** After `begin` failed, stand again so much later. */
const AGAIN_MS = 1_000;

/** What a server is of which one leads, as far as a request is concerned. `L`: what is known of a leader. */
export type Standing<L> =
  | { readonly kind: 'leads' }
  /** It is elected and reads what was known. */
  | { readonly kind: 'recovers' }
  | { readonly kind: 'stands-by'; readonly leader: L | undefined };

interface LeadershipParts<L> {
  readonly store: Store;
  readonly election: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** What we tell others of ourselves, and how to read what another leader tells. */
  readonly name: () => string;
  readonly read: (name: string) => L | undefined;
  /** What leads together with the server. */
  readonly along?: LeadsAlong | undefined;
  /** Be the leader: read what was known, then begin to work. */
  readonly begin: (term: Term) => Promise<void>;
  /** Be the leader no more: end all streams at once, forget what was known. */
  readonly end: () => void;
}

/** Stands for election as long as a server runs, and knows at any moment whether it may answer. */
export class LeaderElection<L> {
  readonly #parts: LeadershipParts<L>;
  readonly #stop = new AbortController();
  #term: Term | undefined;
  #recovered = false;
  #leader: L | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: LeadershipParts<L>) {
    this.#parts = parts;
  }

  /** Resolves when it is known whether we lead, and if so when we do. Rejects when we are to lead and cannot. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#running = this.#run(resolve, reject);
    });
  }

  /** To be asked before each answer: after a pause of the process it tells the truth at once, and all streams end. */
  standing(): Standing<L> {
    if (this.#term && !this.#term.holds()) this.#depose();
    if (this.#term) return { kind: this.#recovered ? 'leads' : 'recovers' };
    return { kind: 'stands-by', leader: this.#leader };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(first: () => void, failed: (error: unknown) => void): Promise<void> {
    const { store, election, name, read, log, clock } = this.#parts;
    const { signal } = this.#stop;
    let known = false;
    for await (const { leader, isSelf, term } of store.elect(election, name(), signal)) {
      if (!isSelf || !term) {
        if (this.#term) this.#depose();
        this.#leader = leader === undefined ? undefined : read(leader);
        log.info({ election, leader: this.#leader }, 'stands by');
      } else {
        try {
          await this.#lead(term);
        } catch (error) {
          this.#depose();
          if (!known) return failed(error);
          log.error({ election, error: errorText(error) }, 'elected, but it cannot begin');
          await sleep(clock, AGAIN_MS, signal);
          term.resign();
        }
      }
      known = true;
      first();
    }
    first();
  }

  async #lead(term: Term): Promise<void> {
    this.#term = term;
    this.#leader = undefined;
    await this.#parts.along?.begin(term);
    if (this.#term !== term) return;
    await this.#parts.begin(term);
    // It may be over by now: then it was ended, and what began with it as well.
    if (this.#term === term) this.#recovered = true;
  }

  #depose(): void {
    this.#term = undefined;
    this.#recovered = false;
    this.#parts.along?.end();
    this.#parts.end();
  }
}
