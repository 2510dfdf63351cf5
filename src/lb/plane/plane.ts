import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { ClientHello, Reactor, SecureChoice, SecureFacts } from '../../net/index.ts';
import { drain } from './drain.ts';
import { explain } from '../api/explain.ts';
import { Backends } from '../backends.ts';
import type { LbConfig } from '../config.ts';
import { Admission, FieldFilter, Hops, trustedPeers } from '../forward/index.ts';
import type { Admitted, ClientFacts, ForwardContext } from '../forward/index.ts';
import { HeadWriter, RequestParser, ResponseParser } from '../http1/index.ts';
import type { HeadLimits } from '../http1/index.ts';
import type { ReasonCode } from '../reasons.ts';
import { chooseTarget, RouteTable } from '../router/index.ts';
import type { Route } from '../router/index.ts';
import { PlaneChallenges } from '../acme/plane-challenges.ts';
import { Connections } from '../server/connections.ts';
import { AccessLog } from '../log/access-log.ts';
import { Chains, Verifier } from '../middleware/index.ts';
import type { Edge, Routed } from '../server/edge.ts';
import { mayConnect, TcpConnections, TcpStats } from '../tcp/index.ts';
import type { TcpEdge, TcpNumbers, TcpRouted } from '../tcp/index.ts';
import { handshakeTerms, PlaneCertificates } from '../tls/index.ts';
import { PlaneListeners } from './listeners.ts';
import { liveBackend } from './live-backend.ts';
import { PlaneHttp2 } from './plane-http2.ts';
import type { PlaneOrder, PlaneQuestion, PlaneSetup, PlaneUpdate, PlaneWord } from './messages.ts';
import { CallPolicy } from './call-policy.ts';
import { HttpRoutes } from './http-routes.ts';
import type { KnownRoutes } from './http-routes.ts';
import { SharedCounts } from './shared-counts.ts';

/** How long orders are followed, all in all, before connections get their turn. */
const SLICE_MS = 1;
const NUMBERS_MS = 1_000;

export interface PlaneParts {
  readonly plane: number;
  readonly setup: PlaneSetup;
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Milliseconds, also within a turn, during which the clock of an engine may stand still. */
  readonly stopwatch: () => number;
  /** By how many milliseconds a clock that all planes share is ahead of this one. */
  readonly aheadMs: number;
  /** Run once the handlers of this round have returned, in order. */
  readonly defer: (f: () => void) => void;
  readonly send: (word: PlaneWord) => void;
  /** It has drained, or cannot go on: its thread shall end. */
  readonly onEnd: () => void;
}

/**
 * The traffic of the load balancer on one thread: listeners, connections, routes, balancers, pools. It follows the orders of
 * the main thread and never waits for it.
 */
export class Plane implements Edge, TcpEdge {
  readonly config: LbConfig;
  readonly forward: ForwardContext;
  readonly admission: Admission;
  readonly requests: RequestParser;
  readonly isTrusted: (ip: string) => boolean;
  readonly access: AccessLog;
  readonly #parts: PlaneParts;
  readonly #limits: HeadLimits;
  readonly #routes: HttpRoutes;
  readonly #chains: Chains;
  readonly #policy: CallPolicy;
  readonly #backends: Backends;
  readonly #counts: SharedCounts;
  readonly #connections: Connections;
  readonly #http2: PlaneHttp2;
  readonly #tcp: TcpConnections;
  /** Of backends that have had TCP connections. */
  readonly #tcpStats = new Map<string, TcpStats>();
  readonly #certificates: PlaneCertificates;
  readonly #challenges: PlaneChallenges;
  readonly #listeners: PlaneListeners;
  readonly #ownAnswers = new Map<string, number>();
  /** Of TLS with clients, by outcome. */
  readonly #handshakes = new Map<string, number>();
  readonly #orders: PlaneOrder[] = [];
  readonly #telling: Timer;
  #table = RouteTable.empty;
  #known: KnownRoutes = { table: RouteTable.empty, ready: false };
  #resting = false;
  /** Milliseconds that orders took since the last rest. */
  #spent = 0;
  #ready = false;
  /** Connections and streams that were open when that was told last. */
  #toldOpen: string;

  constructor(parts: PlaneParts) {
    const { setup, plane, clock, reactor, random, log, send } = parts;
    const { config } = setup;
    this.#parts = parts;
    this.#policy = new CallPolicy(parts);
    this.config = config;
    this.#limits = { ...config.limits, fields: config.limits.headers };
    this.requests = new RequestParser(this.#limits);
    this.admission = new Admission(config.limits.bodyBytes, config.via);
    this.isTrusted = trustedPeers(config.trustedProxies);
    this.access = new AccessLog({
      policy: config.accessLog,
      clock,
      random,
      send: (batch) => send({ kind: 'access', ...batch }),
    });
    this.forward = {
      config,
      zone: config.zone,
      clock,
      log,
      reactor,
      responses: new ResponseParser(this.#limits),
      writer: new HeadWriter(),
      filter: new FieldFilter(config.limits.headers),
      hops: new Hops(config.via, config.tracing, random),
      access: this.access,
      waiting: 0,
      draining: false,
    };
    this.#chains = new Chains({
      verifier: new Verifier(parts),
      rates: { memory: setup.rates, aheadMs: parts.aheadMs },
    });
    this.#routes = new HttpRoutes({
      requests: this.requests,
      isTrusted: this.isTrusted,
      random,
      chains: this.#chains,
      policy: this.#policy,
      backend: (key) => this.#backends.get(key),
      now: () => this.now(),
    });
    this.#counts = new SharedCounts(setup.counts, plane, setup.planes);
    this.#connections = new Connections(this, clock, this.#counts, (now) => this.#sweep(now));
    this.#http2 = new PlaneHttp2({
      ...parts,
      config,
      connections: this.#connections,
      onHeadTooLarge: (ip) => this.countOwnAnswer('head-too-large', ip),
    });
    this.#challenges = new PlaneChallenges(parts);
    this.#certificates = this.#makeCertificates(parts);
    this.#backends = new Backends({ ...parts, config, http2: this.#http2, tls: this.#certificates.upstream });
    this.#tcp = new TcpConnections(this, clock, this.#counts);
    this.#listeners = new PlaneListeners({
      certificates: this.#certificates,
      tcp: this.#tcp,
      reactor,
      reusePort: setup.planes > 1,
      clients: {
        accept: (transport, listener) => {
          const { secure } = transport;
          if (secure !== undefined) this.#handshake(secure.resumed ? 'resumed' : 'full');
          const ended = this.#challenges.end(transport, (ip) => this.#counts.close(ip));
          return ended ?? this.#http2.accept(transport, listener);
        },
      },
      send,
    });
    this.#toldOpen = this.#open();
    this.#telling = clock.every(NUMBERS_MS, () => this.#tellNumbers());
  }

  #makeCertificates(parts: PlaneParts): PlaneCertificates {
    const { config } = this;
    return new PlaneCertificates({
      ...parts,
      config: config.tls,
      alpn: config.http2.enabled ? ['h2', 'http/1.1'] : ['http/1.1'],
      challenge: (hello) => this.#challenges.tls(hello),
      termsOf: (listener, name) => handshakeTerms(this.#table.closest(name ?? '*', listener)),
      admit: (client) => {
        const room = this.#counts.open(client, config.limits);
        if (!room) this.countOwnAnswer('too-many-connections', client);
        return room;
      },
      onHandshakeFailed: (reason, client) => {
        this.#counts.close(client);
        this.#handshake('failed');
        parts.log.debug({ reason, client }, 'no TLS with a client');
      },
    });
  }

  /** Orders are followed in their sequence; those that come in great numbers in slices. */
  onOrder(order: PlaneOrder): void {
    this.#orders.push(order);
    if (!this.#resting) this.#follow();
  }

  #follow(): void {
    const { clock, stopwatch } = this.#parts;
    for (let order = this.#orders.shift(); order !== undefined; order = this.#orders.shift()) {
      const began = stopwatch();
      this.#try(order);
      this.#spent += stopwatch() - began;
      if (this.#spent < SLICE_MS) continue;
      this.#resting = true;
      clock.after(0, () => {
        this.#resting = false;
        this.#spent = 0;
        this.#follow();
      });
      return;
    }
  }

  /** A plane that cannot follow an order knows something else than the others: a new one must take its place. */
  #try(order: PlaneOrder): void {
    try {
      this.#one(order);
    } catch (error) {
      this.#parts.log.error({ error, order: order.kind }, 'a plane cannot follow an order and ends');
      this.#parts.onEnd();
    }
  }

  #one(order: PlaneOrder): void {
    if (order.kind === 'update') this.#update(order);
    else if (order.kind === 'certificates') this.#certificates.set(order);
    else if (order.kind === 'challenges') this.#challenge(order);
    else if (order.kind === 'policy') this.#policy.set(order.policy);
    else if (order.kind === 'listen') this.#listeners.set(order.listeners);
    else if (order.kind === 'ask')
      this.#parts.send({ kind: 'answer', id: order.id, value: this.#answer(order.question) });
    else if (order.kind === 'taken') this.access.taken(order.lines);
    else if (order.kind === 'drain') this.#drain(order);
  }

  #challenge({ version, challenges }: Extract<PlaneOrder, { readonly kind: 'challenges' }>): void {
    this.#challenges.set(challenges);
    this.#parts.send({ kind: 'challenges', version });
  }

  #sweep(now: number): void {
    this.#backends.sweep(now);
    this.#http2.sweep(now);
  }

  /** Endpoints before routes, so that a route never leads to what is not there yet; nothing is served in between. */
  #update({ version, ready, routes, backends }: PlaneUpdate): void {
    const { stopwatch, send } = this.#parts;
    const began = stopwatch();
    this.#backends.apply(backends);
    this.#tcp.follow(backends.set, backends.changed);
    this.#table = this.#table.with(routes.gone, routes.come);
    this.#ready = ready;
    this.#known = { table: this.#table, ready };
    send({ kind: 'applied', version, tookMs: stopwatch() - began });
  }

  #answer(question: PlaneQuestion): unknown {
    if (question.ask === 'numbers') {
      this.#tellNumbers();
      return true;
    }
    if (question.ask === 'backends')
      return question.keys.map((key) => liveBackend(key, this.#backends.get(key), this.now()));
    return explain(question, {
      limits: this.#limits,
      admission: this.admission,
      table: this.#table,
      chains: this.#chains,
      policy: this.#policy,
      isTrusted: this.isTrusted,
      backend: (key) => this.#backends.get(key),
      ready: this.#ready,
      now: this.now(),
    });
  }

  #handshake(outcome: string): void {
    this.#handshakes.set(outcome, (this.#handshakes.get(outcome) ?? 0) + 1);
  }

  /** What is open now, to be compared. */
  #open(): string {
    return JSON.stringify([this.#counts.own, this.#http2.numbers]);
  }

  #tellNumbers(): void {
    this.#tcp.sweep();
    const ownAnswers = [...this.#ownAnswers];
    const tcp = [...this.#takeTcp()];
    const services = [...this.#backends.takeNumbers()];
    const connections = this.#counts.own;
    const { numbers: http2 } = this.#http2;
    const open = this.#open();
    const handshakes = [...this.#handshakes];
    const news = ownAnswers.length + services.length + tcp.length + handshakes.length;
    if (news === 0 && open === this.#toldOpen) return;
    this.#handshakes.clear();
    this.#ownAnswers.clear();
    this.#toldOpen = open;
    this.#parts.send({
      kind: 'numbers',
      numbers: { connections, http2, ownAnswers, services, tcp, handshakes },
    });
  }

  /** Numbers of backends that are gone, and of which no connection is left, are forgotten once they are told. */
  *#takeTcp(): Generator<readonly [string, TcpNumbers]> {
    for (const [key, stats] of this.#tcpStats) {
      const numbers = stats.take();
      if (numbers !== undefined) yield [key, numbers];
      else if (stats.open === 0 && this.#backends.get(key) === undefined) this.#tcpStats.delete(key);
    }
  }

  #drain(order: Extract<PlaneOrder, { readonly kind: 'drain' }>): void {
    this.forward.draining = true;
    this.#listeners.close();
    const { clock } = this.#parts;
    const busy = (): boolean => this.#counts.own > 0;
    const done = (cut: number): void => this.#drained(cut);
    drain({ clock, connections: this.#connections, http2: this.#http2, tcp: this.#tcp, busy, done }, order);
  }

  #drained(cut: number): void {
    this.#telling.cancel();
    this.#backends.close();
    this.#http2.close();
    this.#certificates.close();
    this.#challenges.close();
    this.#tellNumbers();
    this.access.flush();
    this.#parts.send({ kind: 'drained', cut });
    this.#parts.onEnd();
  }

  now(): number {
    return this.#parts.clock.monotonic();
  }

  route(request: Admitted, listener: string, client: ClientFacts, resumed: boolean): Routed {
    const challenge = this.#challenges.http(request.host, request.path, listener);
    return challenge ?? this.#routes.route(this.#known, request, listener, client, resumed);
  }

  secureFacts(session: SecureFacts): Pick<ClientFacts, 'tls' | 'peer' | 'certificate'> {
    return this.#certificates.factsOf(session);
  }

  chooseTcp(route: Route, hello: ClientHello): SecureChoice {
    return this.#certificates.choose('tcp', hello, handshakeTerms([route]));
  }

  routeTcp(
    listener: string,
    serverName: string | undefined,
    clientIp: string,
    client?: Pick<ClientFacts, 'peer'>,
  ): TcpRouted {
    const route = this.#table.match({ host: serverName ?? '', path: '', listener });
    if (route.kind === 'no-match' || route.protocol !== 'tcp')
      return { reason: this.#ready ? 'no-route' : 'not-ready' };
    if (!mayConnect(route, clientIp)) return { reason: 'ip-denied' };
    const draw = route.targets.length === 1 ? 0 : this.#parts.random.next();
    const target = chooseTarget(route, draw, {});
    // Before the handshake nobody knows what a client will show that is asked for a certificate.
    const judged = client !== undefined || route.tls?.clientAuth === undefined;
    if (judged && this.#policy.denies(route, target, { peer: client?.peer }, clientIp))
      return { reason: 'policy-denied' };
    const backend = this.#backends.get(target.backendKey);
    return backend === undefined ? { reason: 'no-endpoints' } : { route, backend };
  }

  statsOf(backendKey: string): TcpStats {
    let stats = this.#tcpStats.get(backendKey);
    if (stats === undefined) this.#tcpStats.set(backendKey, (stats = new TcpStats()));
    return stats;
  }

  refused(reason: string, client: string): void {
    this.#ownAnswers.set(reason, (this.#ownAnswers.get(reason) ?? 0) + 1);
    this.#parts.log.debug({ reason, client }, 'a TCP connection was refused');
  }

  countOwnAnswer(reason: ReasonCode, client: string): void {
    this.#ownAnswers.set(reason, (this.#ownAnswers.get(reason) ?? 0) + 1);
    this.#parts.log.debug({ reason, client }, 'own answer');
  }
}
