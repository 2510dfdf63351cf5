import { copyOf } from '../../core/bytes.ts';
import { hashText } from '../balancer/index.ts';
import type { Lease, PickContext } from '../balancer/index.ts';
import { connectFailure, isUnsent } from '../forward/retry.ts';
import { Waiting } from '../forward/waiting.ts';
import type { Backend } from '../forward/index.ts';
import type { Relay, Transport, TransportHandler } from '../../net/index.ts';
import type { AccessAttempt } from '../log/record.ts';
import type { Route } from '../router/index.ts';
import type { Member } from '../server/roster.ts';
import type { TcpEdge } from './context.ts';
import type { TcpStats } from './stats.ts';

const FAILED = { kind: 'failed' } as const;
const CANCELLED = { kind: 'cancelled' } as const;
const SERVED = { kind: 'response', status: 200 } as const;

export interface SessionParts {
  readonly edge: TcpEdge;
  readonly listener: string;
  readonly serverName: string | undefined;
  readonly route: Route;
  readonly backend: Backend;
  readonly client: Transport;
  /** SPIFFE id of the client's certificate. */
  readonly peer: string | undefined;
  /** What passes through is still to come as the first data: only then an instance is chosen. */
  readonly awaitsHello: boolean;
  readonly onGone: (session: TcpSession) => void;
}

/**
 * One TCP connection of a client, joined to one of an instance. Until that is there, connecting may be tried elsewhere, for
 * no instance has seen a byte; from then on it is this one or none. Bytes are carried by the engine where it can do
 * that, else from one to the other, whoever is slow holding up the other.
 */
export class TcpSession implements TransportHandler, PickContext, Member {
  /** Of its roster. */
  place = -1;
  readonly serviceKey: string;
  readonly backendKey: string;
  readonly tried: string[] = [];
  readonly hashKey: number | undefined;
  readonly zone: string | undefined;
  now: number;
  readonly #parts: SessionParts;
  readonly #stats: TcpStats;
  readonly #startedAt: number;
  #lease: Lease | undefined;
  #upstream: Transport | undefined;
  #connected = false;
  #relay: Relay | undefined;
  #waiting: Waiting | undefined;
  /** Came before there was an instance to give it to. */
  #held: Uint8Array[] = [];
  #clientEnded = false;
  #ends = 0;
  /** Of it, so much is counted in the numbers of the service. */
  readonly #counted = { in: 0, out: 0 };
  #in = 0;
  #out = 0;
  #lastActive: number;
  /** It is cut then, whatever goes on in it: its instance is gone. Monotonic milliseconds. */
  #cutAt = Number.POSITIVE_INFINITY;
  #attempts: AccessAttempt[] | undefined;
  #pickedAt = 0;
  #waitMs: number | undefined;
  #connectMs: number | undefined;
  #over = false;

  constructor(parts: SessionParts) {
    const { edge, backend, client } = parts;
    this.#parts = parts;
    this.serviceKey = backend.serviceKey;
    this.backendKey = backend.key;
    this.zone = edge.forward.zone;
    this.#stats = edge.statsOf(backend.key);
    this.now = this.#startedAt = this.#lastActive = edge.forward.clock.monotonic();
    this.hashKey = backend.policy.balance === 'ringhash' ? hashText(client.remote.ip) : undefined;
  }

  /** The instance it is at, or that it tries. */
  get endpointKey(): string | undefined {
    return this.#lease?.endpoint.key;
  }

  /** What it gets on an instance that leaves; undefined: nobody has said. */
  get drainMs(): number | undefined {
    return this.#parts.backend.policy.drainMs;
  }

  begin(): void {
    if (this.#parts.awaitsHello) return;
    // Until somebody takes it, nothing is read: what has come stays with the system.
    this.#parts.client.pause();
    this.#attempt();
  }

  #attempt(): void {
    const { backend, edge, route } = this.#parts;
    const { clock, reactor, config } = edge.forward;
    this.now = clock.monotonic();
    const lease = backend.balancer.pick(this);
    if (lease === undefined) return this.#noEndpoint();
    this.#lease = lease;
    this.#pickedAt = this.now;
    this.#waitMs ??= this.now - this.#startedAt;
    const to = { ip: lease.endpoint.ip, port: lease.endpoint.port };
    const { connectMs } = config.timeouts;
    // What passes through is TLS already, which the instance ends.
    const over = route.tls?.mode === 'passthrough' ? reactor : backend.byteConnector;
    this.#upstream = over.connect(to, { timeoutMs: connectMs }, new UpstreamSide(this));
  }

  /** Nobody left to ask: for a short while an instance that is just starting may still come up. */
  #noEndpoint(): void {
    const { backend, edge } = this.#parts;
    const { timeouts, limits } = edge.forward.config;
    if (backend.balancer.overflowed) return this.#refuse('overloaded');
    const inTime = this.now - this.#startedAt < timeouts.connectMs;
    if (
      !inTime ||
      !backend.hasInstances ||
      edge.forward.draining ||
      edge.forward.waiting >= limits.waitingRequests
    )
      return this.#refuse(
        this.#attempts?.at(-1)?.outcome ?? (backend.hasInstances ? 'no-endpoint-ready' : 'no-endpoints'),
      );
    this.#waiting ??= new Waiting(edge.forward, backend);
    this.#waiting.begin(() => {
      this.tried.length = 0;
      this.#attempt();
    });
  }

  /** There is no instance for it: the client sees a reset, as from a port where nobody listens. */
  #refuse(reason: string): void {
    this.#stats.failure(reason);
    this.#finish(reason, true);
    this.#parts.client.destroy(new Error(reason));
  }

  onUpstreamConnect(): void {
    const { client, edge } = this.#parts;
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    this.#connected = true;
    const now = edge.forward.clock.monotonic();
    this.#connectMs = now - this.#pickedAt;
    this.#lastActive = now;
    this.#lease?.began(now);
    this.#stats.began();
    let flowing = true;
    for (const bytes of this.#held) flowing = upstream.writeOwned(bytes);
    this.#held = [];
    if (this.#clientEnded) {
      this.#ends = 1;
      upstream.end();
    }
    this.#relay = edge.forward.reactor.relay?.(client, upstream);
    if (this.#relay === undefined && flowing) client.resume();
  }

  /** It failed before it was there: nothing was sent, so another instance can have it. */
  #connectFailed(error: Error | undefined): void {
    const { edge } = this.#parts;
    const { clock } = edge.forward;
    const now = clock.monotonic();
    const cause = connectFailure(error);
    const endpoint = this.#lease?.endpoint;
    this.#lease?.settle(FAILED, now);
    this.#lease = undefined;
    this.#upstream = undefined;
    if (endpoint !== undefined) {
      this.tried.push(endpoint.key);
      (this.#attempts ??= []).push({
        endpoint: addressOf(endpoint),
        outcome: cause,
        ms: now - this.#pickedAt,
      });
    }
    const { timeouts, retry } = edge.forward.config;
    const tooLong = this.tried.length >= retry.attempts && now - this.#startedAt >= timeouts.connectMs;
    if (tooLong || !isUnsent(cause)) return this.#refuse(cause);
    this.#stats.retries += 1;
    this.#attempt();
  }

  // What the client says.

  onData(bytes: Uint8Array): void {
    this.#lastActive = this.#parts.edge.forward.clock.monotonic();
    this.#in += bytes.length;
    if (this.#connected && this.#upstream !== undefined) {
      if (!this.#upstream.write(bytes)) this.#parts.client.pause();
      return;
    }
    const first = this.#parts.awaitsHello && this.#held.length === 0;
    this.#held.push(copyOf(bytes));
    this.#parts.client.pause();
    if (first) this.#attempt();
  }

  onEnd(): void {
    this.#clientEnded = true;
    if (this.#relay !== undefined) return;
    if (!this.#connected) {
      // Before anything came of what was to pass through, there is nothing to choose an instance for.
      if (this.#parts.awaitsHello && this.#held.length === 0) this.#parts.client.destroy();
      return;
    }
    this.#upstream?.end();
    this.#sideEnded();
  }

  onDrain(): void {
    if (this.#relay === undefined) this.#upstream?.resume();
  }

  onClose(error: Error | undefined): void {
    const upstream = this.#upstream;
    this.#finish(error === undefined ? undefined : 'client-reset', false);
    if (error === undefined && this.#ends === 2) return;
    // Whoever is left must not take half for the whole.
    upstream?.destroy(this.#connected ? (error ?? new Error('the client is gone')) : undefined);
  }

  // What the instance says.

  onUpstreamData(bytes: Uint8Array): void {
    this.#lastActive = this.#parts.edge.forward.clock.monotonic();
    this.#out += bytes.length;
    if (!this.#parts.client.write(bytes)) this.#upstream?.pause();
  }

  onUpstreamEnd(): void {
    if (this.#relay !== undefined) return;
    this.#parts.client.end();
    this.#sideEnded();
  }

  onUpstreamDrain(): void {
    if (this.#relay === undefined) this.#parts.client.resume();
  }

  onUpstreamClose(error: Error | undefined): void {
    if (this.#over) return;
    if (!this.#connected) return this.#connectFailed(error);
    const whole = error === undefined && (this.#ends === 2 || this.#relay !== undefined);
    this.#finish(whole ? undefined : 'upstream-reset', !whole);
    if (whole) return;
    this.#parts.client.destroy(error ?? new Error('the instance is gone'));
  }

  #sideEnded(): void {
    this.#ends += 1;
    this.#lastActive = this.#parts.edge.forward.clock.monotonic();
  }

  /** Its instance is gone from the cluster, and it goes on until then at most; infinity: the instance is there. */
  cutAt(at: number): void {
    this.#cutAt = at === Number.POSITIVE_INFINITY ? at : Math.min(this.#cutAt, at);
  }

  /** Count what has passed, and cut it when its time is over. */
  check(now: number): void {
    this.#count();
    if (this.#over) return;
    const { tunnelIdleMs, streamIdleMs, connectMs } = this.#parts.edge.forward.config.timeouts;
    if (now >= this.#cutAt) return this.cut('instance-gone');
    if (!this.#connected) {
      // Connecting has a deadline of its own; a hello that does not come has not.
      if (this.#held.length === 0 && this.#parts.awaitsHello && now - this.#startedAt >= connectMs)
        this.cut('idle');
      return;
    }
    // One that has ended on one side still has its answer to get.
    const idleMs = this.#ends === 0 ? tunnelIdleMs : Math.min(streamIdleMs, tunnelIdleMs);
    if (now - (this.#relay?.lastActive ?? this.#lastActive) >= idleMs) this.cut('idle');
  }

  /** End it. The client sees an end, not a reset, where the system allows. */
  cut(reason: string): void {
    const upstream = this.#upstream;
    this.#finish(reason, reason !== 'idle');
    const { client } = this.#parts;
    if (this.#relay === undefined) client.end();
    client.destroy();
    upstream?.destroy();
  }

  #count(): void {
    const allIn = this.#in + (this.#relay?.forth ?? 0);
    const allOut = this.#out + (this.#relay?.back ?? 0);
    this.#stats.bytesIn += allIn - this.#counted.in;
    this.#stats.bytesOut += allOut - this.#counted.out;
    this.#counted.in = allIn;
    this.#counted.out = allOut;
  }

  /** It is over, once. `reason`: why it did not go its way; `error`: on our or the instance's side. */
  #finish(reason: string | undefined, error: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting?.stop();
    const now = this.#parts.edge.forward.clock.monotonic();
    this.#count();
    if (this.#connected) this.#stats.ended(now - this.#startedAt);
    const outcome = !this.#connected
      ? CANCELLED
      : reason === 'upstream-reset' && this.#counted.out === 0
        ? FAILED
        : SERVED;
    this.#lease?.settle(outcome, now);
    this.#write(now, reason, error);
    this.#held = [];
    this.#parts.onGone(this);
  }

  #write(now: number, reason: string | undefined, error: boolean): void {
    const { edge, client, listener, route, serverName, peer } = this.#parts;
    if (!edge.access.wants(error)) return;
    const endpoint = this.#lease?.endpoint;
    edge.access.write({
      proto: 'tcp',
      client: client.remote.ip,
      listener,
      route: route.id,
      service: this.serviceKey,
      endpoint: endpoint === undefined ? undefined : addressOf(endpoint),
      task: endpoint?.taskId,
      attempts: this.#attempts,
      bytesIn: this.#counted.in,
      bytesOut: this.#counted.out,
      waitMs: this.#waitMs,
      connectMs: this.#connectMs,
      totalMs: now - this.#startedAt,
      reason,
      serverName,
      tlsVersion: client.secure?.version,
      alpn: client.secure?.alpn,
      peer,
    });
  }
}

/** The connection to the instance. */
class UpstreamSide implements TransportHandler {
  readonly #session: TcpSession;

  constructor(session: TcpSession) {
    this.#session = session;
  }

  onConnect(): void {
    this.#session.onUpstreamConnect();
  }
  onData(bytes: Uint8Array): void {
    this.#session.onUpstreamData(bytes);
  }
  onEnd(): void {
    this.#session.onUpstreamEnd();
  }
  onDrain(): void {
    this.#session.onUpstreamDrain();
  }
  onClose(error: Error | undefined): void {
    this.#session.onUpstreamClose(error);
  }
}

/** `address:port`, with brackets for IPv6. */
function addressOf({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
