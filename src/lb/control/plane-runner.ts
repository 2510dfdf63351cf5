import { Backoff } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Peer } from '../../net/index.ts';
import { lbErrors } from '../errors.ts';
import type {
  ListenerSpec,
  PlaneOrder,
  PlaneQuestion,
  PlaneSetup,
  PlaneUpdate,
  PlaneWord,
} from '../plane/messages.ts';
import type { PlaneLink, StartPlane } from './plane-link.ts';

const BACKOFF = { firstMs: 50, maxMs: 5_000, jitter: 0.2 };
/** A plane that lived as long was well. */
const WELL_MS = 10_000;
/** How many updates may be on their way that the plane has not taken in. */
const WINDOW = 4;
/** A drained plane ends at once; only one that hangs does not. */
const PATIENCE_MS = 1_000;

export interface PlaneRunnerParts {
  readonly plane: number;
  readonly setup: PlaneSetup;
  readonly start: StartPlane;
  /** All that a new plane has to know. */
  readonly whole: () => Generator<PlaneUpdate>;
  /** What the runner itself has no use for. */
  readonly onWord: (word: PlaneWord) => void;
  readonly onLink: (link: PlaneLink) => void;
  readonly onGone: () => void;
  /** Sockets that listen there already and are this plane's from now on; each is told once. */
  readonly inherited: (listener: ListenerSpec) => readonly number[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

type PlaneCertificates = Extract<PlaneOrder, { readonly kind: 'certificates' }>;
type PlaneChallenges = Extract<PlaneOrder, { readonly kind: 'challenges' }>;
type PlanePolicy = Extract<PlaneOrder, { readonly kind: 'policy' }>;

interface Listening {
  readonly missing: Set<string>;
  readonly bound: Map<string, Peer>;
  readonly resolve: (bound: ReadonlyMap<string, Peer>) => void;
  readonly reject: (error: unknown) => void;
}

/** One plane, started again whenever it dies, and then told everything anew. */
export class PlaneRunner {
  readonly #parts: PlaneRunnerParts;
  readonly #backoff: Backoff;
  readonly #questions = new Map<number, (answer: unknown) => void>();
  #link: PlaneLink | undefined;
  /** What is still to be sent before anything else. */
  #whole: Generator<PlaneUpdate> | undefined;
  #queue: PlaneOrder[] = [];
  #unapplied = 0;
  #listeners: readonly ListenerSpec[] = [];
  /** Those without which it is not well; others come and go with the services that want them. */
  #required: readonly ListenerSpec[] = [];
  #certificates: PlaneCertificates | undefined;
  #policy: PlanePolicy | undefined;
  #challenges: PlaneChallenges | undefined;
  readonly #open = new Set<string>();
  #first: Listening | undefined;
  #timer: Timer | undefined;
  #listenAgain: Timer | undefined;
  #stopping = false;
  #drained: ((cut: number) => void) | undefined;
  #ended: (() => void) | undefined;
  #asked = 0;
  #restarts = 0;

  constructor(parts: PlaneRunnerParts) {
    this.#parts = parts;
    this.#backoff = new Backoff(parts.random, BACKOFF);
  }

  /** How often it had to be started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** There is a plane to tell things. */
  get running(): boolean {
    return this.#link !== undefined;
  }

  /** Whether it listens wherever it should. */
  get listening(): boolean {
    return this.#required.length > 0 && this.#required.every(({ name }) => this.#open.has(name));
  }

  launch(): void {
    const { plane, setup, start, clock } = this.#parts;
    const began = clock.monotonic();
    const exited = (error: unknown): void => this.#onExit(error, began);
    void start(plane, setup, { onWord: (word) => this.#onWord(word), onExit: exited }).then(
      (link) => this.#onLink(link),
      exited,
    );
  }

  #onLink(link: PlaneLink): void {
    if (this.#stopping) return void link.terminate();
    this.#link = link;
    this.#whole = this.#parts.whole();
    this.#parts.onLink(link);
    if (this.#certificates !== undefined) this.#queue.push(this.#certificates);
    if (this.#policy !== undefined) this.#queue.push(this.#policy);
    if (this.#challenges !== undefined) this.#queue.push(this.#challenges);
    if (this.#listeners.length > 0) this.#queue.push(this.#listenOrder());
    this.#flush();
  }

  /** Resolves when it listens at all of these addresses; rejects when it cannot, or dies before. Only later troubles are mended. */
  listen(listeners: readonly ListenerSpec[]): Promise<ReadonlyMap<string, Peer>> {
    this.#listeners = this.#required = listeners;
    return new Promise((resolve, reject) => {
      this.#first = { missing: new Set(listeners.map((l) => l.name)), bound: new Map(), resolve, reject };
      this.#tellListeners();
    });
  }

  /** From now on, also after a restart: where ports that were left to chance are known. */
  remember(listeners: readonly ListenerSpec[]): void {
    this.#listeners = this.#required = listeners;
  }

  /** Listen at these as well, and at no others but the first; what cannot be had is told, and tried again. */
  listenAlso(listeners: readonly ListenerSpec[]): void {
    this.#listeners = [...this.#required, ...listeners];
    for (const name of this.#open) if (!this.#listeners.some((l) => l.name === name)) this.#open.delete(name);
    this.#tellListeners();
  }

  #tellListeners(): void {
    if (this.#link !== undefined) this.send(this.#listenOrder());
  }

  #listenOrder(): PlaneOrder {
    const { inherited } = this.#parts;
    const listeners = this.#listeners.map((l) => ({ ...l, descriptors: inherited(l) }));
    return { kind: 'listen', listeners };
  }

  /** The certificates from now on, also after a restart. */
  certify(order: PlaneCertificates): void {
    this.#certificates = order;
    this.send(order);
  }

  /** Who may call what from now on, also after a restart, and then before anybody is listened to. */
  govern(order: PlanePolicy): void {
    this.#policy = order;
    this.send(order);
  }

  /** The challenges from now on, also after a restart, and then before anybody is listened to. */
  challenge(order: PlaneChallenges): void {
    this.#challenges = order;
    this.send(order);
  }

  /** Tell it in its turn; who is not there yet will be told the whole. */
  send(order: PlaneOrder): void {
    if (this.#link === undefined) return;
    this.#queue.push(order);
    this.#flush();
  }

  /** Not more at a time than the plane can take in at its ease: first the whole, if it is new, then what came since. */
  #flush(): void {
    while (this.#unapplied < WINDOW) {
      const order = this.#next();
      if (order === undefined) return;
      if (order.kind === 'update') this.#unapplied += 1;
      this.#link?.send(order);
    }
  }

  #next(): PlaneOrder | undefined {
    const piece = this.#whole?.next();
    if (piece?.done === false) return piece.value;
    this.#whole = undefined;
    return this.#queue.shift();
  }

  /** Undefined when there is no answer within `ms`. */
  ask(question: PlaneQuestion, ms: number): Promise<unknown> {
    if (this.#link === undefined) return Promise.resolve(undefined);
    const id = (this.#asked += 1);
    return new Promise((resolve) => {
      const settle = (answer: unknown): void => {
        timer.cancel();
        this.#questions.delete(id);
        resolve(answer);
      };
      const timer = this.#parts.clock.after(ms, () => settle(undefined));
      this.#questions.set(id, settle);
      this.#link?.send({ kind: 'ask', id, question });
    });
  }

  #onWord(word: PlaneWord): void {
    if (word.kind === 'answer') this.#questions.get(word.id)?.(word.value);
    else if (word.kind === 'listening') this.#onListening(word.name, { ip: word.ip, port: word.port });
    else if (word.kind === 'listen-failed') this.#onListenFailed(word);
    else if (word.kind === 'drained') this.#drained?.(word.cut);
    else this.#parts.onWord(word);
    if (word.kind !== 'applied') return;
    this.#unapplied -= 1;
    this.#flush();
  }

  #onListening(name: string, address: Peer): void {
    this.#open.add(name);
    const first = this.#first;
    if (first === undefined) {
      if (this.#listeners.every((l) => this.#open.has(l.name))) this.#backoff.reset();
      return this.#parts.onWord({ kind: 'listening', name, ...address });
    }
    first.bound.set(name, address);
    first.missing.delete(name);
    if (first.missing.size > 0) return;
    this.#first = undefined;
    first.resolve(first.bound);
  }

  #onListenFailed(word: PlaneWord & { readonly kind: 'listen-failed' }): void {
    const { name, code, reason } = word;
    const { host, port } = this.#listeners.find((l) => l.name === name) ?? { host: '', port: 0 };
    if (this.#first !== undefined) {
      const cause = Object.assign(new Error(reason), { code, port, syscall: 'listen' });
      this.#first.reject(lbErrors.LB_LISTEN_FAILED({ host, port, reason }, cause));
      this.#first = undefined;
      return;
    }
    this.#open.delete(name);
    const { plane, log, clock, onWord } = this.#parts;
    onWord(word);
    // One that fails while another try is due is tried with it.
    if (this.#listenAgain !== undefined) return;
    const waitMs = Math.round(this.#backoff.next());
    log.error({ plane, name, host, port, reason, waitMs }, 'a plane cannot listen; it tries again');
    this.#listenAgain = clock.after(waitMs, () => {
      this.#listenAgain = undefined;
      this.#tellListeners();
    });
  }

  #onExit(error: unknown, began: number): void {
    const { plane, clock, log, onGone } = this.#parts;
    this.#link = undefined;
    this.#whole = undefined;
    this.#queue = [];
    this.#unapplied = 0;
    this.#open.clear();
    this.#timer?.cancel();
    this.#listenAgain?.cancel();
    this.#listenAgain = undefined;
    onGone();
    for (const answer of this.#questions.values()) answer(undefined);
    this.#drained?.(0);
    this.#ended?.();
    if (this.#stopping) return;
    if (this.#first !== undefined) {
      this.#first.reject(error ?? new Error('the plane ended before it listened'));
      this.#first = undefined;
      return;
    }
    if (clock.monotonic() - began >= WELL_MS) this.#backoff.reset();
    const waitMs = Math.round(this.#backoff.next());
    this.#restarts += 1;
    log.error(
      { error, plane, waitMs, restarts: this.#restarts },
      'a plane died; another one takes its place',
    );
    this.#timer = clock.after(waitMs, () => this.launch());
  }

  /** Stop accepting, finish what runs within `drainMs`, end; resolves with how many connections were cut. See `drain` for `idleMs`. */
  async stop(drainMs: number, idleMs: number): Promise<number> {
    this.#stopping = true;
    this.#timer?.cancel();
    this.#listenAgain?.cancel();
    const link = this.#link;
    if (link === undefined) return 0;
    const { clock, log, plane } = this.#parts;
    const ended = new Promise<void>((resolve) => (this.#ended = resolve));
    const drained = new Promise<number>((resolve) => (this.#drained = resolve));
    this.#queue = [];
    link.send({ kind: 'drain', deadlineMs: drainMs, idleMs });
    const force = (): void => {
      log.warn({ plane }, 'a plane does not end; it is ended by force');
      void link.terminate();
    };
    const late = clock.after(drainMs + PATIENCE_MS, force);
    const cut = await drained;
    late.cancel();
    const patience = clock.after(PATIENCE_MS, force);
    await ended;
    patience.cancel();
    return cut;
  }

  /** End it now: the start has failed. */
  async dismiss(): Promise<void> {
    this.#stopping = true;
    this.#timer?.cancel();
    this.#listenAgain?.cancel();
    this.#first = undefined;
    await this.#link?.terminate();
  }
}
