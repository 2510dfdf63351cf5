import type { Clock, Timer } from '../../core/clock.ts';
import type { ClientHello, ListenSecurely, Transport, TransportHandler } from '../../net/index.ts';
import type { Endpoint } from '../balancer/index.ts';
import type { ClientFacts } from '../forward/index.ts';
import type { BackendChange, BackendSpec } from '../plane/messages.ts';
import type { Route } from '../router/index.ts';
import { Roster } from '../server/roster.ts';
import type { ConnectionLimits, TcpEdge } from './context.ts';
import { tlsRefusal } from '../tls/index.ts';
import { TcpSession } from './session.ts';

/** How often idle times are looked at and bytes are counted. */
const SWEEP_MS = 250;

/** Nobody listens to it any more. */
const REFUSED: TransportHandler = {
  onData: () => {},
  onEnd: () => {},
  onDrain: () => {},
  onClose: () => {},
};

/** All TCP connections of a plane: limits, idle times, endpoints that go, drain. */
export class TcpConnections {
  readonly #edge: TcpEdge;
  readonly #clock: Clock;
  readonly #limits: ConnectionLimits;
  /** By the backend that they are at. A roster that is left empty goes with the next sweep: mostly somebody comes before. */
  readonly #byBackend = new Map<string, Roster<TcpSession>>();
  #size = 0;
  readonly #sweeping: Timer;

  constructor(edge: TcpEdge, clock: Clock, limits: ConnectionLimits) {
    this.#edge = edge;
    this.#clock = clock;
    this.#limits = limits;
    this.#sweeping = clock.every(SWEEP_MS, () => this.sweep());
  }

  get size(): number {
    return this.#size;
  }

  /** A client's connection that came by `listener`; `hello` where that looks at what TLS begins with. */
  accept(transport: Transport, listener: string, hello?: ClientHello): TransportHandler {
    const edge = this.#edge;
    const { ip } = transport.remote;
    // With a hello it was counted before that was read.
    if (hello === undefined && !this.#limits.open(ip, edge.forward.config.limits))
      return this.#refuse(transport, 'too-many-connections');
    const { secure } = transport;
    const serverName = hello?.serverName ?? secure?.serverName;
    const facts = secure === undefined ? {} : edge.secureFacts(secure);
    const routed = edge.routeTcp(listener, serverName, ip, facts);
    const refused = 'reason' in routed ? routed.reason : unsafe(routed.route, serverName, facts);
    if ('reason' in routed || refused !== undefined) {
      this.#limits.close(ip);
      return this.#refuse(transport, refused ?? 'no-route');
    }
    const session = new TcpSession({
      edge,
      listener,
      serverName,
      route: routed.route,
      backend: routed.backend,
      client: transport,
      peer: facts.peer,
      awaitsHello: hello !== undefined && transport.secure === undefined,
      onGone: (gone) => this.#gone(gone, ip),
    });
    this.#add(session);
    // The handler is set only when this returns, and connecting may fail at once.
    transport.handler = session;
    session.begin();
    return session;
  }

  /** How a listener that tells names in TLS apart treats a connection: as the route says to which its name leads. */
  secureFor(listener: string): ListenSecurely {
    const edge = this.#edge;
    const { limits, timeouts } = edge.forward.config;
    return {
      admit: ({ ip }) => {
        const room = this.#limits.open(ip, limits);
        if (!room) edge.refused('too-many-connections', ip);
        return room;
      },
      onHandshakeFailed: (_reason, { ip }) => this.#limits.close(ip),
      handshakeMs: timeouts.headMs,
      choose: (hello, _local, remote) => {
        const routed = edge.routeTcp(listener, hello.serverName, remote.ip);
        if ('reason' in routed) {
          edge.refused(routed.reason, remote.ip);
          return { kind: 'refuse' };
        }
        if (routed.route.tls?.mode !== 'terminate') return { kind: 'passthrough' };
        return edge.chooseTcp(routed.route, hello);
      },
    };
  }

  #refuse(transport: Transport, reason: string): TransportHandler {
    this.#edge.refused(reason, transport.remote.ip);
    transport.destroy(new Error(reason));
    return REFUSED;
  }

  #add(session: TcpSession): void {
    let same = this.#byBackend.get(session.backendKey);
    if (same === undefined) {
      same = new Roster();
      this.#byBackend.set(session.backendKey, same);
    }
    same.add(session);
    this.#size += 1;
  }

  #gone(session: TcpSession, ip: string): void {
    if (this.#byBackend.get(session.backendKey)?.remove(session) !== true) return;
    this.#limits.close(ip);
    this.#size -= 1;
  }

  /**
   * Backends are now as told. A connection to an instance that leaves goes on while that is leaving, unless its service says how
   * long; when it is gone from the cluster, its connections get `drainMs` to notice: a machine that died tells nobody.
   */
  follow(set: readonly BackendSpec[], changed: readonly BackendChange[] = []): void {
    for (const { key, endpoints } of set) {
      if (!this.#byBackend.has(key)) continue;
      const there = new Map(endpoints.map((endpoint) => [endpoint.key, endpoint.phase]));
      this.#judge(key, (endpoint) => there.get(endpoint) ?? 'gone');
    }
    for (const { key, gone, come } of changed) {
      if (!this.#byBackend.has(key)) continue;
      const left = new Set(gone);
      const came = new Map(come.map((endpoint) => [endpoint.key, endpoint.phase]));
      this.#judge(key, (endpoint) => came.get(endpoint) ?? (left.has(endpoint) ? 'gone' : undefined));
    }
  }

  /** `phaseOf`: undefined when nothing was said. A large backend that is told anew comes without endpoints, and these follow. */
  #judge(backendKey: string, phaseOf: (endpointKey: string) => Endpoint['phase'] | 'gone' | undefined): void {
    const now = this.#clock.monotonic();
    const { drainMs } = this.#edge.forward.config.timeouts;
    this.#byBackend.get(backendKey)?.each((session) => {
      const { endpointKey } = session;
      const phase = endpointKey === undefined ? undefined : phaseOf(endpointKey);
      if (phase === undefined) return;
      const leaves = phase === 'gone' || phase === 'draining';
      const unsaid = phase === 'gone' ? drainMs : Number.POSITIVE_INFINITY;
      session.cutAt(leaves ? now + (session.drainMs ?? unsaid) : Number.POSITIVE_INFINITY);
    });
  }

  /** Count what has passed, and cut what has been idle for too long. */
  sweep(): void {
    const now = this.#clock.monotonic();
    for (const [key, sessions] of this.#byBackend) {
      sessions.each((session) => session.check(now));
      if (sessions.size === 0) this.#byBackend.delete(key);
    }
  }

  /** The end of all: how many were cut. */
  cut(): number {
    this.#sweeping.cancel();
    const cut = this.#size;
    for (const sessions of this.#byBackend.values()) sessions.each((session) => session.cut('shutdown'));
    return cut;
  }
}

/** What is to end in TLS must never be had without, and neither a certificate that must be shown: routes may have changed since. */
function unsafe(
  { tls }: Route,
  serverName: string | undefined,
  facts: Pick<ClientFacts, 'tls'>,
): string | undefined {
  if (tls?.mode !== 'terminate') return undefined;
  return facts.tls === undefined ? 'no-tls' : tlsRefusal(tls, serverName ?? '', facts)?.reason;
}
