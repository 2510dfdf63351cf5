import type { Clock } from '../../core/clock.ts';
import { Backoff } from '../../core/backoff.ts';
import type { TlsOptions } from '../../core/http/client.ts';
import { LeaderFinder } from '../../core/http/leader-finder.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { Sockets } from '../../core/http/sockets.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { masterPlaces, originOfMasterInfo, redirectOrigin } from '../../mesos/index.ts';
import type { AgentCall, AgentEvent } from '../../mesos/index.ts';
import { Subscription } from './subscription.ts';

type Subscribed = Extract<AgentEvent, { type: 'SUBSCRIBED' }>['subscribed'];

export interface LinkParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Also before the API of the agent; without it both are plain HTTP. */
  readonly tls?: MutualTls | undefined;
  /** How Consul is spoken to where masters are found there by https (`consuls:`). */
  readonly consulTls?: TlsOptions | undefined;
  /** Those of the machine, unless the machine is a simulated one. */
  readonly sockets?: Sockets | undefined;
}

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
  /** The next event waits for the promise, if there is one. */
  event(event: AgentEvent): Promise<void> | void;
}

/** A redirect is followed at once this many times in a row; then it counts as a failure. */
const MAX_REDIRECTS = 5;
/** A master that comes back after a long time shall have its agents again soon. */
const MAX_BACKOFF_MS = 10_000;

/** Keeps this agent subscribed to the leading master, for as long as it runs. */
export class MasterLink {
  readonly #parts: LinkParts;
  readonly #finder: LeaderFinder;
  readonly #login: Readonly<Record<string, string>> | undefined;
  readonly #handler: LinkHandler;
  readonly #backoff: Backoff;
  readonly #stopped = new AbortController();
  #current: Subscription | undefined;
  #connected = false;
  #running: Promise<void> | undefined;
  #master: string;

  constructor(
    parts: LinkParts,
    options: {
      readonly master: string;
      readonly backoffMs: number;
      readonly login?: Readonly<Record<string, string>>;
    },
    handler: LinkHandler,
  ) {
    this.#parts = parts;
    const places = masterPlaces(options.master);
    if (typeof places === 'string') throw new Error(places); // the schema has looked at it
    this.#finder = new LeaderFinder({
      ...parts,
      places,
      originOf: originOfMasterInfo,
      onLeader: (origin) => {
        if (origin !== this.#master) this.#current?.fail(`${origin} leads now`);
      },
      onProblem: (problem) => parts.log.warn({ problem }, 'the search for masters is held up'),
    });
    this.#master = options.master;
    this.#backoff = new Backoff(parts.random, {
      firstMs: options.backoffMs,
      maxMs: MAX_BACKOFF_MS,
      jitter: 1,
    });
    this.#handler = handler;
    this.#login = options.login;
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
    this.#finder.start();
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
    await this.#finder.stop();
  }

  async #run(): Promise<void> {
    const { log } = this.#parts;
    const signal = this.#stopped.signal;
    let redirects = 0;
    let leader: string | undefined;
    while (!signal.aborted) {
      if (redirects === 0 || redirects > MAX_REDIRECTS)
        await this.#finder.pause(this.#backoff.next(), signal);
      if (signal.aborted) return;
      // whatever went wrong with one master, the others know the way to the leader
      const master = leader ?? this.#finder.next();
      if (master === undefined) continue;
      this.#master = master;
      const subscription = new Subscription(this.#master, this.#parts, this.#login);
      this.#current = subscription;
      const end = await subscription.follow(
        this.#handler.subscribe(),
        (event) => this.#event(subscription, event),
        signal,
      );
      this.#lose();
      await subscription.close();
      leader = end.kind === 'redirect' ? redirectOrigin(end.location, this.#master) : undefined;
      redirects = leader === undefined ? 0 : redirects + 1;
      if (!signal.aborted) log.info({ master: this.#master, ...end, leader }, 'not subscribed to a master');
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
    } else await this.#handler.event(event);
  }

  #lose(): void {
    const was = this.#connected;
    this.#connected = false;
    this.#current = undefined;
    if (was) this.#handler.lost();
  }
}
