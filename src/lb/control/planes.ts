import { createServer } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { InheritedSockets } from '../../core/predecessor.ts';
import type { Policy } from '../../core/policy/types.ts';
import type { Random } from '../../core/random.ts';
import type { Peer } from '../../net/index.ts';
import type { LbConfig } from '../config.ts';
import { lbErrors } from '../errors.ts';
import type { AccessBatch } from '../log/access-log.ts';
import { bucketMemory } from '../middleware/index.ts';
import type {
  ListenerSpec,
  PlaneOrder,
  PlaneQuestion,
  PlaneSetup,
  PlaneUpdate,
  PlaneWord,
} from '../plane/messages.ts';
import { SharedCounts } from '../plane/shared-counts.ts';
import { ChallengeBoard } from './challenge-board.ts';
import { ChangeTrace } from './change-trace.ts';
import type { ChangeApplied } from './change-trace.ts';
import type { PlaneLink, StartPlane } from './plane-link.ts';
import { InheritedListeners } from './inherited-listeners.ts';
import { PlaneRunner } from './plane-runner.ts';
import { PortClaims } from './port-claims.ts';
import { Totals } from './totals.ts';

/** A plane that does not answer within this time is left out of the answer. */
const ANSWER_MS = 500;

export interface PlanesParts {
  readonly config: LbConfig;
  readonly count: number;
  readonly start: StartPlane;
  readonly whole: () => Generator<PlaneUpdate>;
  /** Lines of the access log; `taken` when they are written or given up. */
  readonly onAccess: (batch: AccessBatch, taken: () => void) => void;
  readonly onApplied: (change: ChangeApplied) => void;
  /** How listening went at other addresses than the first. */
  readonly onListening?: (plane: number, word: PlaneWord) => void;
  readonly inherited: InheritedSockets;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** One plane, for people. */
export interface PlaneView {
  readonly plane: number;
  /** Null: it does not run now. */
  readonly engine: 'linux' | 'portable' | null;
  readonly reason: string | null;
  readonly listening: boolean;
  /** Open client connections. */
  readonly connections: number;
  /** The version of the routes that it goes by. */
  readonly applied: number;
  readonly restarts: number;
}

/** All planes: keeps them running, tells them what changes, adds up what they count. */
export class Planes {
  readonly totals = new Totals();
  /** What authorities are shown. */
  readonly challenges: ChallengeBoard;
  readonly #parts: PlanesParts;
  readonly #runners: readonly PlaneRunner[];
  readonly #trace: ChangeTrace;
  readonly #claims: PortClaims;
  readonly #inherited: InheritedListeners;
  #engine: string | undefined;
  readonly #links: Pick<PlaneLink, 'engine' | 'reason'>[] = [];
  readonly #versions: number[] = [];

  constructor(parts: PlanesParts) {
    const { config, count, clock, log, inherited } = parts;
    this.#parts = parts;
    this.#inherited = new InheritedListeners(inherited, count);
    this.#trace = new ChangeTrace(clock, parts.onApplied);
    this.challenges = new ChallengeBoard((order) => {
      for (const runner of this.#runners) runner.challenge(order);
    }, clock);
    this.#claims = new PortClaims({
      ...parts,
      claim: (host, port) => this.#claim(host, port),
      onClaimed: (listeners) => {
        for (const runner of this.#runners) runner.listenAlso(listeners);
      },
      onFailed: (name, reason) =>
        parts.onListening?.(-1, { kind: 'listen-failed', name, code: undefined, reason }),
    });
    const counts = SharedCounts.memory(count);
    const setup: PlaneSetup = {
      config: shareOf(config, count),
      planes: count,
      counts,
      rates: bucketMemory(parts.random),
    };
    this.#runners = Array.from({ length: count }, (_, plane) => {
      const { start, whole, random } = parts;
      return new PlaneRunner({
        plane,
        setup,
        start,
        whole,
        clock,
        random,
        log,
        inherited: (listener) => this.#inherited.take(plane, listener),
        onLink: (link) => this.#onLink(plane, link),
        onWord: (word) => this.#onWord(plane, word),
        onGone: () => {
          SharedCounts.clear(counts, plane);
          this.totals.gone(plane);
          this.#versions[plane] = 0;
          this.#trace.gone(plane);
          this.challenges.gone(plane);
        },
      });
    });
  }

  get count(): number {
    return this.#runners.length;
  }

  /**
   * With SO_REUSEPORT the system would let us share a port with another program of the same user: so see that nobody has it
   * but whom we take over from.
   */
  async #claim(host: string, port: number): Promise<void> {
    if (this.count > 1 && !this.#inherited.has(host, port)) await claim(host, port);
  }

  /** How many listen now. */
  get listening(): number {
    return this.#runners.filter((runner) => runner.listening).length;
  }

  get restarts(): number {
    return this.#runners.reduce((sum, runner) => sum + runner.restarts, 0);
  }

  /** Resolves when all planes listen, with the addresses by name. Rejects, with all planes ended, when one cannot. */
  async start(listeners: readonly ListenerSpec[]): Promise<ReadonlyMap<string, Peer>> {
    try {
      for (const { host, port } of listeners) await this.#claim(host, port);
      for (const runner of this.#runners) runner.launch();
      const [first, ...others] = this.#runners;
      const bound = (await first?.listen(listeners)) ?? new Map<string, Peer>();
      const real = listeners.map((l) => ({ ...l, port: bound.get(l.name)?.port ?? l.port }));
      // Before anything else can go wrong with the first: it comes back at the same ports.
      first?.remember(real);
      await Promise.all(others.map((runner) => runner.listen(real)));
      this.#claims.start();
      return bound;
    } catch (error) {
      await Promise.all(this.#runners.map((runner) => runner.dismiss()));
      throw error;
    }
  }

  /** Listen at these as well from now on, and at no others but the first. */
  listenAlso(listeners: readonly ListenerSpec[]): void {
    this.#claims.want(listeners);
  }

  /** The certificates from now on; before `start` they are there before anybody connects. */
  certify(order: Extract<PlaneOrder, { readonly kind: 'certificates' }>): void {
    for (const runner of this.#runners) runner.certify(order);
  }

  /** Who may call which service from now on; undefined: everybody. Before `start` it holds from the first connection on. */
  govern(policy: Policy | undefined): void {
    for (const runner of this.#runners) runner.govern({ kind: 'policy', policy });
  }

  /** `since`: when what this tells had changed, monotonic milliseconds. */
  update(update: PlaneUpdate, since: number): void {
    this.totals.follow(update.backends);
    const running = this.#runners.flatMap((runner, plane) => (runner.running ? [plane] : []));
    if (running.length > 0) this.#trace.sent(update.version, since, running);
    for (const runner of this.#runners) runner.send(update);
  }

  /** How each is doing. */
  views(): PlaneView[] {
    return this.#runners.map((runner, plane) => ({
      plane,
      engine: runner.running ? (this.#links[plane]?.engine ?? null) : null,
      reason: this.#links[plane]?.reason ?? null,
      listening: runner.listening,
      connections: this.totals.connectionsOf(plane),
      applied: this.#versions[plane] ?? 0,
      restarts: runner.restarts,
    }));
  }

  /** What the first plane that answers says; undefined when none does. */
  async askOne(question: PlaneQuestion): Promise<unknown> {
    for (const runner of this.#runners) {
      const answer = await runner.ask(question, ANSWER_MS);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /** What the planes say that answer in time. */
  async askAll(question: PlaneQuestion): Promise<readonly unknown[]> {
    const answers = await Promise.all(this.#runners.map((runner) => runner.ask(question, ANSWER_MS)));
    return answers.filter((answer) => answer !== undefined);
  }

  /** Have `totals` as they are now. */
  async collect(): Promise<void> {
    await this.askAll({ ask: 'numbers' });
  }

  #onWord(plane: number, word: PlaneWord): void {
    if (word.kind === 'numbers') this.totals.add(plane, word.numbers);
    else if (word.kind === 'applied') this.#onApplied(plane, word.version);
    else if (word.kind === 'challenges') this.challenges.told(plane, word.version);
    else if (word.kind === 'access')
      this.#parts.onAccess(word, () => this.#runners[plane]?.send({ kind: 'taken', lines: word.lines }));
    else if (word.kind === 'listening' || word.kind === 'listen-failed')
      this.#parts.onListening?.(plane, word);
  }

  #onApplied(plane: number, version: number): void {
    this.#versions[plane] = Math.max(this.#versions[plane] ?? 0, version);
    this.#trace.applied(plane, version);
  }

  #onLink(plane: number, { engine, reason }: PlaneLink): void {
    const { log } = this.#parts;
    this.#links[plane] = { engine, reason };
    this.challenges.joined(plane);
    if (this.#engine === engine) return log.debug({ plane, engine }, 'a plane runs');
    this.#engine = engine;
    log.info({ engine, reason, planes: this.count }, 'the load balancer runs its traffic in threads');
  }

  /** All planes stop accepting, finish what runs within `drainMs`, and end. Idle connections may stay for `idleMs`. */
  async stop(drainMs: number, idleMs = 0): Promise<void> {
    this.#claims.stop();
    const cut = await Promise.all(this.#runners.map((runner) => runner.stop(drainMs, idleMs)));
    const all = cut.reduce((sum, n) => sum + n, 0);
    if (all > 0)
      this.#parts.log.warn({ cut: all }, 'requests and connections that were still running were cut off');
  }
}

/** What one of `planes` may use up of limits that hold for all of them together. */
function shareOf(config: LbConfig, planes: number): LbConfig {
  const share = (whole: number): number => Math.ceil(whole / planes);
  return {
    ...config,
    limits: { ...config.limits, waitingRequests: share(config.limits.waitingRequests) },
    accessLog: { ...config.accessLog, queueLines: share(config.accessLog.queueLines) },
    retry: { ...config.retry, minPerSecond: config.retry.minPerSecond / planes },
    upstream: { ...config.upstream, maxIdlePerEndpoint: share(config.upstream.maxIdlePerEndpoint) },
  };
}

/** Bind the address for a moment, alone. Rejects when somebody has it. */
async function claim(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } catch (error) {
    throw lbErrors.LB_LISTEN_FAILED({ host, port, reason: errorText(error) }, error);
  }
}
