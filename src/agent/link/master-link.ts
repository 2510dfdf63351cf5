import type { Clock } from '../../core/clock.ts';
import { Backoff } from '../../core/backoff.ts';
import { sleep } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { masterOrigin, redirectOrigin } from '../../mesos/index.ts';
import type { AgentCall, AgentEvent } from '../../mesos/index.ts';
import { Subscription } from './subscription.ts';

type Subscribed = Extract<AgentEvent, { type: 'SUBSCRIBED' }>['subscribed'];

export interface LinkHandler {
  /** What to say in the next SUBSCRIBE. */
  subscribe(): AgentCall;
  /** A master took us under this id: write it down. Nothing is sent or handed on before this resolved. */
  adopt(subscribed: Subscribed): Promise<void>;
  /** Calls can be sent from now on. */
  found(subscribed: Subscribed): void;
  /** The master is lost; another subscription will be tried. */
  lost(): void;
  /** The id to sign calls with. */
  agentId(): string;
  event(event: AgentEvent): void;
}

/** A redirect is followed at once this many times in a row; then it counts as a failure. */
const MAX_REDIRECTS = 5;
/** A master that comes back after a long time shall have its agents again soon. */
const MAX_BACKOFF_MS = 10_000;

/** Keeps this agent subscribed to the leading master, for as long as it runs. */
export class MasterLink {
  readonly #parts: { readonly clock: Clock; readonly random: Random; readonly log: Logger };
  readonly #configured: string;
  readonly #handler: LinkHandler;
  readonly #backoff: Backoff;
  readonly #stopped = new AbortController();
  #current: Subscription | undefined;
  #connected = false;
  #running: Promise<void> | undefined;
  #master: string;

  constructor(
    parts: { readonly clock: Clock; readonly random: Random; readonly log: Logger },
    options: { readonly master: string; readonly backoffMs: number },
    handler: LinkHandler,
  ) {
    this.#parts = parts;
    this.#configured = masterOrigin(options.master) ?? options.master;
    this.#master = this.#configured;
    this.#backoff = new Backoff(parts.random, {
      firstMs: options.backoffMs,
      maxMs: MAX_BACKOFF_MS,
      jitter: 1,
    });
    this.#handler = handler;
  }

  /** A master knows us now. */
  get connected(): boolean {
    return this.#connected;
  }

  /** The origin of the master that is followed or tried. */
  get master(): string {
    return this.#master;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Send to the master; false when it did not get there. */
  async send(call: AgentCall, timeoutMs?: number): Promise<boolean> {
    if (!this.#connected || !this.#current) return false;
    return this.#current.call(call, timeoutMs);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    const signal = this.#stopped.signal;
    let redirects = 0;
    while (!signal.aborted) {
      if (redirects === 0 || redirects > MAX_REDIRECTS) await sleep(clock, this.#backoff.next(), signal);
      if (signal.aborted) return;
      const subscription = new Subscription(this.#master, this.#parts);
      this.#current = subscription;
      const end = await subscription.follow(
        this.#handler.subscribe(),
        (event) => this.#event(subscription, event),
        signal,
      );
      this.#lose();
      await subscription.close();
      const leader = end.kind === 'redirect' ? redirectOrigin(end.location, this.#master) : undefined;
      redirects = leader === undefined ? 0 : redirects + 1;
      if (!signal.aborted) log.info({ master: this.#master, ...end, leader }, 'not subscribed to a master');
      // whatever went wrong with one master, the configured address knows the way to the leader
      this.#master = leader ?? this.#configured;
    }
  }

  async #event(from: Subscription, event: AgentEvent): Promise<void> {
    if (event.type === 'SUBSCRIBED') {
      await this.#handler.adopt(event.subscribed);
      this.#backoff.reset();
      this.#connected = true;
      this.#handler.found(event.subscribed);
    } else if (event.type === 'PING') {
      void from.call({ type: 'PONG', agent_id: { value: this.#handler.agentId() } });
    } else this.#handler.event(event);
  }

  #lose(): void {
    const was = this.#connected;
    this.#connected = false;
    this.#current = undefined;
    if (was) this.#handler.lost();
  }
}
