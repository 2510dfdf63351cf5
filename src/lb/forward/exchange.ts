import { answered } from '../balancer/index.ts';
import type { Lease, Outcome } from '../balancer/index.ts';
import type { RequestParser } from '../http1/index.ts';
import type { ReasonCode } from '../reasons.ts';
import { UpstreamConnection } from '../upstream/index.ts';
import type { PoolWaiter, UpstreamPool, UpstreamUser } from '../upstream/index.ts';
import type { Admitted } from './admit.ts';
import { readAffinity, stickyFields } from './affinity.ts';
import { Attempts } from './attempts.ts';
import { alloc } from './context.ts';
import type { Backend, ClientSide, DeadlineKind, ForwardContext } from './context.ts';
import { awaitAnswer, awaitStream } from './deadlines.ts';
import { writeRequestHead } from './heads.ts';
import { bodyRefusal, forwardTrailers } from './relay.ts';
import { ResponseRelay } from './response-relay.ts';
import type { RelayOwner } from './response-relay.ts';
import { connectFailure, isUnsent, lossOf } from './retry.ts';
import type { FailureCause } from './retry.ts';
import { logAttempt, tellExchange } from './tell.ts';
import { Tunnel } from './tunnel.ts';
import type { TunnelBytes } from './tunnel.ts';
import { mayWait, Waiting } from './waiting.ts';

const CANCELLED: Outcome = { kind: 'cancelled' };
const FAILED: Outcome = { kind: 'failed' };

/**
 * One request and its answer: picks an endpoint, sends the request, relays the answer, tries again where that is safe.
 * `begin` starts it; it ends exactly once, with `client.exchangeDone`, `client.answer` or `client.tunnel`.
 */
export class Exchange implements UpstreamUser, RelayOwner, PoolWaiter {
  readonly method: string;
  readonly startedAt: number;
  /** The client allows the connection to be used again. */
  readonly keepAlive: boolean;
  readonly http10: boolean;
  readonly request: Admitted;
  readonly #ctx: ForwardContext;
  readonly #client: ClientSide;
  readonly #backend: Backend;
  readonly #relay: ResponseRelay;
  readonly #attempts: Attempts;
  #state: 'idle' | 'queued' | 'connecting' | 'waiting' | 'sent' | 'answering' | 'done' = 'idle';
  /** The request as far as it had arrived at the start; kept until the answer begins, to be sent again. */
  #first: Uint8Array | undefined;
  #lease: Lease | undefined;
  #upstream: UpstreamConnection | undefined;
  /** The pool in whose queue it stands. */
  #queue: UpstreamPool<UpstreamConnection> | undefined;
  #waiting: Waiting | undefined;

  constructor(
    ctx: ForwardContext,
    client: ClientSide,
    backend: Backend,
    head: RequestParser,
    request: Admitted,
    keepAlive: boolean,
  ) {
    this.#ctx = ctx;
    this.#client = client;
    this.#backend = backend;
    this.request = request;
    this.method = head.method;
    this.http10 = head.version < 11;
    this.keepAlive = keepAlive;
    this.startedAt = ctx.clock.monotonic();
    this.#attempts = new Attempts(head.method, this.startedAt, ctx.zone);
    this.#relay = new ResponseRelay(ctx, client, this);
  }

  /** Send it off. The body may have begun in `bytes` at `bodyStart`; returns the offset after what was taken of it. */
  begin(head: RequestParser, bytes: Uint8Array, bodyStart: number, end: number): number {
    const { writer, filter } = this.#ctx;
    const body = this.#client.requestBody;
    body.begin(this.request.body);
    const consumed = body.push(bytes, bodyStart, end);
    if (this.#refuseBody()) return consumed;
    readAffinity(this.#backend.policy, head, this.request, this.#client.facts, this.#attempts);
    writeRequestHead(writer, filter, head, this.request, this.#client.facts, this.#ctx.hops);
    this.#first = writer.take(alloc, bytes, bodyStart, body.passEnd);
    if (body.trailers !== undefined) {
      const trailers = forwardTrailers(this.#ctx, body.trailers);
      if (trailers === undefined) return this.#refuse('bad-trailers', consumed);
      this.#first = Buffer.concat([this.#first, trailers]);
    }
    this.#backend.budget.request(this.startedAt);
    if (!body.done) this.#client.transport.pause();
    this.#attempt(this.startedAt);
    return consumed;
  }

  #attempt(now: number): void {
    const { balancer } = this.#backend;
    this.#attempts.now = now;
    const lease = balancer.pick(this.#attempts);
    if (lease === undefined) return balancer.overflowed ? this.#answer('overloaded') : this.#noEndpoint(now);
    this.#lease = lease;
    this.#attempts.picked(lease.endpoint);
    this.#reach(lease, now);
  }

  /** Get hold of a connection to the endpoint. */
  #reach(lease: Lease, now: number): void {
    const pool = this.#backend.pool(lease.endpoint);
    const { timeouts, upstream } = this.#ctx.config;
    const safe = this.#attempts.idempotent ? Number.POSITIVE_INFINITY : upstream.unsafeReuseMs;
    this.#attempts.roomAt = now;
    const kept = pool.take(now, this.#attempts.freshOnly ? 0 : safe);
    if (kept !== undefined) {
      kept.use(this);
      this.#upstream = kept;
      return this.#send(kept, now);
    }
    if (!pool.hasRoom()) {
      this.#state = 'queued';
      this.#queue = pool;
      this.#client.setDeadline('queue', now + timeouts.connectMs);
      return pool.wait(this);
    }
    this.#state = 'connecting';
    this.#client.setDeadline('none', 0);
    const { connector } = this.#backend;
    this.#upstream = new UpstreamConnection(connector, pool, lease.endpoint, timeouts.connectMs, this);
  }

  /** A connection is free, or its endpoint takes no more requests: nothing was sent, so another one can have it. */
  onPoolTurn(): void {
    const [pool, lease] = [this.#queue, this.#lease];
    if (pool === undefined || lease === undefined) return;
    this.#queue = undefined;
    const now = this.#ctx.clock.monotonic();
    if (!pool.closed) return this.#reach(lease, now);
    this.#end(CANCELLED, now);
    this.#attempt(now);
  }

  onUpstreamConnect(): void {
    if (this.#upstream !== undefined) this.#send(this.#upstream, this.#ctx.clock.monotonic());
  }

  #send(upstream: UpstreamConnection, now: number): void {
    this.#state = 'sent';
    this.#attempts.sent += 1;
    this.#attempts.sentAt = now;
    const flowing = upstream.transport.writeOwned(this.#first ?? new Uint8Array(0));
    if (this.#client.blocked) upstream.transport.pause();
    if (this.#client.requestBody.done) awaitAnswer(this.#ctx, this.#client);
    else if (flowing) this.#readBody();
    else awaitStream(this.#ctx, this.#client);
  }

  #awaitAnswer(): void {
    if (this.#state === 'sent' && this.#client.requestBody.done) awaitAnswer(this.#ctx, this.#client);
  }

  #readBody(): void {
    this.#client.awaitBody();
    this.#client.transport.resume();
  }

  /** More of the request body; returns the offset after what belongs to it. */
  onClientData(bytes: Uint8Array, start: number, end: number): number {
    const body = this.#client.requestBody;
    // Cut off: the connection is about to be gone, and what still comes on it is dropped.
    if (this.#state === 'done') return end;
    if (body.done) return start;
    const consumed = body.push(bytes, start, end);
    if (this.#refuseBody()) return consumed;
    const upstream = this.#upstream;
    if (upstream === undefined || this.#state === 'connecting') {
      // Read before the pause took hold.
      this.#first = Buffer.concat([this.#first ?? new Uint8Array(0), bytes.subarray(start, body.passEnd)]);
      return this.#endBody(consumed, undefined);
    }
    this.#attempts.replayable = false;
    const flowing = body.passEnd <= start || upstream.transport.write(bytes, start, body.passEnd);
    if (!flowing && !body.done) {
      this.#client.transport.pause();
      awaitStream(this.#ctx, this.#client);
    }
    return this.#endBody(consumed, upstream);
  }

  /** Where the body has ended: its trailers, and the wait for the answer. */
  #endBody(consumed: number, upstream: UpstreamConnection | undefined): number {
    const body = this.#client.requestBody;
    if (!body.done) return consumed;
    if (body.trailers !== undefined) {
      const trailers = forwardTrailers(this.#ctx, body.trailers);
      if (trailers === undefined) return this.#refuse('bad-trailers', consumed);
      if (upstream !== undefined) upstream.transport.writeOwned(trailers);
      else this.#first = Buffer.concat([this.#first ?? new Uint8Array(0), trailers]);
    }
    if (this.#state === 'sent') awaitAnswer(this.#ctx, this.#client);
    else if (this.#state === 'answering') awaitStream(this.#ctx, this.#client);
    return consumed;
  }

  #refuseBody(): boolean {
    const reason = bodyRefusal(this.#client.requestBody, this.request, this.#ctx.config.limits.bodyBytes);
    if (reason !== undefined) this.#refuse(reason, 0);
    return reason !== undefined;
  }

  /** The request turns out to be unacceptable while it is under way. */
  #refuse(reason: ReasonCode, consumed: number): number {
    if (this.#state === 'answering') this.#cutOff(CANCELLED);
    else this.#answer(reason);
    return consumed;
  }

  onUpstreamData(bytes: Uint8Array): void {
    this.#relay.onData(bytes);
  }

  onUpstreamDrain(): void {
    if (this.#state !== 'sent' && this.#state !== 'answering') return;
    if (!this.#client.requestBody.done) this.#readBody();
  }

  onClientDrain(): void {
    if (this.#state === 'sent' || this.#state === 'answering') this.#upstream?.transport.resume();
    this.#awaitAnswer();
  }

  onUpstreamEnd(): void {
    if (this.#state === 'answering' && this.#client.responseBody.finish()) this.answered(false);
    else this.onUpstreamClose(undefined);
  }

  /** The connection to the instance is gone before the answer was complete. */
  onUpstreamClose(error: Error | undefined): void {
    if (this.#state === 'answering') return this.#cutOff(FAILED);
    if (this.#state === 'connecting') this.failed(connectFailure(error));
    else this.failed(lossOf(error, this.#attempts.replayable));
  }

  broken(): void {
    this.#cutOff(FAILED);
  }

  answering(): void {
    this.#state = 'answering';
    this.#first = undefined;
    const now = this.#ctx.clock.monotonic();
    this.#attempts.firstByteAt = now;
    this.#backend.stats.firstByte(now - this.startedAt);
    this.#lease?.began(now);
  }

  get stickyFields(): string {
    const { sticky } = this.#backend.policy;
    return sticky === undefined ? '' : stickyFields(sticky, this.#lease?.stickyKey, this.#attempts.stickyKey);
  }

  instead(status: number): boolean {
    const [attempts, lease] = [this.#attempts, this.#lease];
    const now = this.#ctx.clock.monotonic();
    if (lease === undefined || !attempts.goesElsewhere(lease.endpoint.key, this.#backend, this.#ctx, now))
      return false;
    this.#backend.stats.upstreamFailure(`status-${status}`);
    this.#backend.stats.retries += 1;
    attempts.note(`${status}`, now);
    this.#end(answered(status), now);
    this.#attempt(now);
    return true;
  }

  answered(reusable: boolean): void {
    const now = this.#ctx.clock.monotonic();
    const upstream = this.#upstream;
    const complete = this.#client.requestBody.done;
    if (reusable && complete) {
      this.#upstream = undefined;
      this.#state = 'done';
      upstream?.release(now);
    }
    const { status } = this.#relay;
    this.#end(answered(status), now);
    this.#backend.stats.answered(status, now - this.startedAt);
    this.#tell(status, undefined, now);
    this.#client.exchangeDone(complete && this.#relay.keepAlive);
  }

  /** The attempt came to nothing before any byte of an answer reached the client: try elsewhere, or say why not. */
  failed(cause: FailureCause): void {
    const now = this.#ctx.clock.monotonic();
    const key = this.#lease?.endpoint.key ?? '';
    const stale = this.#attempts.isStale(cause, this.#state === 'sent', this.#upstream?.reused === true);
    const { stats, budget } = this.#backend;
    stats.upstreamFailure(cause);
    logAttempt(this.#ctx, this.#backend, this.#attempts, cause);
    this.#end(stale ? CANCELLED : FAILED, now);
    this.#relay.reset();
    this.#attempts.failed(key, cause, stale);
    const again = this.#attempts.mayRetry(cause, this.#ctx.config.retry.attempts);
    // Neither asks an instance for work twice, so neither counts against the budget.
    if (!again || !(isUnsent(cause) || stale || budget.take(now))) return this.#answer(cause);
    stats.retries += 1;
    this.#attempts.note(cause, now);
    if (!this.#client.requestBody.done) this.#client.transport.pause();
    this.#attempt(now);
  }

  /** Nobody left to ask: for a short while an instance that is just starting may still come up. */
  #noEndpoint(now: number): void {
    if (this.#attempts.allowStale()) return this.#attempt(now);
    const { hasInstances } = this.#backend;
    if (!hasInstances || !mayWait(this.#ctx, now - this.startedAt))
      return this.#answer(this.#attempts.lastCause ?? (hasInstances ? 'no-endpoint-ready' : 'no-endpoints'));
    this.#state = 'waiting';
    this.#client.setDeadline('none', 0);
    this.#waiting ??= new Waiting(this.#ctx, this.#backend);
    this.#waiting.begin(() => {
      this.#attempts.allowUnreached();
      this.#attempt(this.#ctx.clock.monotonic());
    });
  }

  upgraded(rest: Uint8Array): void {
    const [upstream, lease] = [this.#upstream, this.#lease];
    if (upstream === undefined || lease === undefined) return;
    this.#upstream = undefined;
    this.#lease = undefined;
    this.#state = 'done';
    const now = this.#ctx.clock.monotonic();
    this.#backend.stats.answered(101, now - this.startedAt);
    this.#attempts.firstByteAt = now;
    lease.began(now);
    const tunnel = new Tunnel(this.#ctx, this.#client, upstream, lease, (bytes) =>
      this.#tell(101, undefined, this.#ctx.clock.monotonic(), bytes),
    );
    this.#client.tunnel(tunnel);
    if (rest.length > 0) tunnel.onUpstreamData(rest);
  }

  onDeadline(kind: DeadlineKind): void {
    const clientIsSlow = kind === 'body' || this.#client.blocked;
    if (this.#state === 'answering' || (kind === 'stream' && clientIsSlow))
      this.#cutOff(clientIsSlow ? CANCELLED : FAILED, clientIsSlow ? 'client-too-slow' : 'stream-timeout');
    else if (kind === 'first-byte') this.failed('first-byte-timeout');
    // Before the answer: the instance does not take the body.
    else if (kind === 'stream') this.failed('stream-timeout');
    else this.#answer(kind === 'queue' ? 'queue-timeout' : 'body-timeout');
  }

  /** The client is gone: nobody waits for the answer. */
  cancel(): void {
    if (this.#state === 'done') return;
    this.#backend.stats.cancelled += 1;
    this.#over(CANCELLED, this.#relay.status, 'client-left');
  }

  /** The answer has begun and cannot be completed: the client must see that it is cut. */
  #cutOff(outcome: Outcome, cause = 'cut-off'): void {
    const { stats } = this.#backend;
    stats.truncated += 1;
    if (outcome === FAILED) stats.upstreamFailure(cause);
    logAttempt(this.#ctx, this.#backend, this.#attempts, cause);
    this.#over(outcome, this.#relay.status, cause);
    this.#client.transport.destroy(new Error('answer cut off'));
  }

  #answer(reason: ReasonCode): void {
    this.#over(CANCELLED, 0, reason);
    this.#backend.stats.ownAnswer(reason);
    this.#client.answer(reason, this.#backend.serviceKey);
  }

  #over(outcome: Outcome, status: number, reason: string): void {
    const now = this.#ctx.clock.monotonic();
    this.#end(outcome, now);
    this.#tell(status, reason, now);
  }

  /** Have the access log say how it ended; an answer of our own has the status of its reason. */
  #tell(status: number, reason: string | undefined, now: number, bytes?: TunnelBytes): void {
    const { stats } = this.#backend;
    tellExchange(this.#ctx, this.#client, this, this.#attempts, { status, reason, now, bytes, stats });
  }

  /** Settle what is open. The endpoint's outcome counts once per attempt. */
  #end(outcome: Outcome, now: number): void {
    this.#queue?.leave(this);
    this.#queue = undefined;
    this.#state = 'done';
    this.#waiting?.stop();
    this.#upstream?.abandon();
    this.#upstream = undefined;
    this.#lease?.settle(outcome, now);
    this.#lease = undefined;
  }

  /** What the instance says would have to wait here. One that was not asked yet says nothing, and `#send` looks again. */
  pauseUpstream(): void {
    if (this.#state === 'sent' || this.#state === 'answering') this.#upstream?.transport.pause();
    this.#awaitAnswer();
  }
}
