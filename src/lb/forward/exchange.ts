import { RimrockError } from '../../core/errors.ts';
import type { Timer } from '../../core/clock.ts';
import type { Lease, Outcome } from '../balancer/index.ts';
import type { RequestParser } from '../http1/index.ts';
import type { ReasonCode } from '../reasons.ts';
import { UpstreamConnection } from '../upstream/index.ts';
import type { UpstreamUser } from '../upstream/index.ts';
import type { Admitted } from './admit.ts';
import { alloc } from './context.ts';
import type { Backend, ClientSide, DeadlineKind, ForwardContext } from './context.ts';
import { writeRequestHead } from './heads.ts';
import { forwardTrailers } from './relay.ts';
import { ResponseRelay } from './response-relay.ts';
import type { RelayOwner } from './response-relay.ts';
import { isIdempotent, mayRetry } from './retry.ts';
import type { FailureCause } from './retry.ts';
import { Tunnel } from './tunnel.ts';

const CANCELLED: Outcome = { kind: 'cancelled' };
const FAILED: Outcome = { kind: 'failed' };
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 400;

/**
 * One request and its answer: picks an endpoint, sends the request, relays the answer, tries again where that is safe.
 * `begin` starts it; it ends exactly once, with `client.exchangeDone`, `client.answer` or `client.tunnel`.
 */
export class Exchange implements UpstreamUser, RelayOwner {
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
  #state: 'idle' | 'connecting' | 'waiting' | 'sent' | 'answering' | 'done' = 'idle';
  /** The request as far as it had arrived at the start; kept until the answer begins, to be sent again. */
  #first: Uint8Array | undefined;
  /** Body bytes went upstream that are not in `#first`. */
  #streamed = false;
  #lease: Lease | undefined;
  #upstream: UpstreamConnection | undefined;
  #sent = 0;
  #tried: string[] = [];
  /** Those of `#tried` where a kept connection turned out dead, which is not the endpoint's fault. */
  #stale: string[] = [];
  #freshOnly = false;
  #wait: Timer | undefined;
  #waitMs = FIRST_WAIT_MS;
  #lastCause: FailureCause | undefined;

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
    this.#relay = new ResponseRelay(ctx, client, this);
  }

  /** Send it off. The body may have begun in `bytes` at `bodyStart`; returns the offset after what was taken of it. */
  begin(head: RequestParser, bytes: Uint8Array, bodyStart: number, end: number): number {
    const { writer, filter, budget } = this.#ctx;
    const body = this.#client.requestBody;
    body.begin(this.request.body);
    const consumed = body.push(bytes, bodyStart, end);
    if (this.#refuseBody()) return consumed;
    writeRequestHead(writer, filter, head, this.request, this.#client.facts);
    this.#first = writer.take(alloc, bytes.subarray(bodyStart, Math.max(bodyStart, body.passEnd)));
    if (body.trailers !== undefined) {
      const trailers = forwardTrailers(this.#ctx, body.trailers);
      if (trailers === undefined) return this.#refuse('bad-trailers', consumed);
      this.#first = Buffer.concat([this.#first, trailers]);
    }
    budget.request(this.startedAt);
    if (!body.done) this.#client.transport.pause();
    this.#attempt(this.startedAt);
    return consumed;
  }

  #attempt(now: number): void {
    const lease = this.#backend.balancer.pick({ now, tried: this.#tried });
    if (lease === undefined) return this.#noEndpoint(now);
    this.#lease = lease;
    const pool = this.#backend.pool(lease.endpoint);
    const { unsafeReuseMs } = this.#ctx.config.upstream;
    const reusable = this.#freshOnly
      ? 0
      : isIdempotent(this.method)
        ? Number.POSITIVE_INFINITY
        : unsafeReuseMs;
    const kept = pool.take(now, reusable);
    if (kept !== undefined) {
      kept.use(this);
      this.#upstream = kept;
      return this.#send(kept, now);
    }
    this.#state = 'connecting';
    this.#client.setDeadline('none', 0);
    const { connectMs } = this.#ctx.config.timeouts;
    this.#upstream = new UpstreamConnection(this.#ctx.reactor, pool, lease.endpoint, connectMs, this);
  }

  onUpstreamConnect(): void {
    if (this.#upstream !== undefined) this.#send(this.#upstream, this.#ctx.clock.monotonic());
  }

  #send(upstream: UpstreamConnection, now: number): void {
    this.#state = 'sent';
    this.#sent += 1;
    const flowing = upstream.transport.writeOwned(this.#first ?? new Uint8Array(0));
    if (this.#client.requestBody.done)
      this.#client.setDeadline('first-byte', now + this.#ctx.config.timeouts.firstByteMs);
    else if (flowing) this.#readBody();
    else this.#client.setDeadline('stream', now + this.#ctx.config.timeouts.streamIdleMs);
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
    if (upstream === undefined || this.#state === 'connecting' || this.#state === 'waiting') {
      // Read before the pause took hold.
      this.#first = Buffer.concat([this.#first ?? new Uint8Array(0), bytes.subarray(start, body.passEnd)]);
      return this.#endBody(consumed, undefined);
    }
    this.#streamed = true;
    const flowing = body.passEnd <= start || upstream.transport.write(bytes.subarray(start, body.passEnd));
    if (!flowing && !body.done) {
      this.#client.transport.pause();
      this.#client.setDeadline(
        'stream',
        this.#ctx.clock.monotonic() + this.#ctx.config.timeouts.streamIdleMs,
      );
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
    const { firstByteMs, streamIdleMs } = this.#ctx.config.timeouts;
    const now = this.#ctx.clock.monotonic();
    if (this.#state === 'sent') this.#client.setDeadline('first-byte', now + firstByteMs);
    else if (this.#state === 'answering') this.#client.setDeadline('stream', now + streamIdleMs);
    return consumed;
  }

  #refuseBody(): boolean {
    const body = this.#client.requestBody;
    const limit = this.#ctx.config.limits.bodyBytes;
    if (body.error !== undefined) this.#refuse(body.error, 0);
    else if (limit !== undefined && body.received > limit) this.#refuse('body-too-large', 0);
    else return false;
    return true;
  }

  /** The request turns out to be unacceptable while it is under way. */
  #refuse(reason: ReasonCode, consumed: number): number {
    if (this.#state === 'answering') this.#cutOff(CANCELLED);
    else this.#answer(reason, CANCELLED);
    return consumed;
  }

  onUpstreamData(bytes: Uint8Array): void {
    this.#relay.onData(bytes);
  }

  onUpstreamDrain(): void {
    if (this.#state === 'sent' || this.#state === 'answering') {
      if (!this.#client.requestBody.done) this.#readBody();
    }
  }

  onClientDrain(): void {
    if (this.#state === 'answering') this.#upstream?.transport.resume();
  }

  onUpstreamEnd(): void {
    if (this.#state === 'answering' && this.#client.responseBody.finish()) this.answered(false);
    else this.#lost(undefined);
  }

  onUpstreamClose(error: Error | undefined): void {
    this.#lost(error);
  }

  /** The connection to the instance is gone before the answer was complete. */
  #lost(error: Error | undefined): void {
    if (this.#state === 'answering') return this.#cutOff(FAILED);
    if (this.#state !== 'connecting') return this.failed('upstream-reset');
    const timedOut = error instanceof RimrockError && error.code === 'NET_CONNECT_TIMEOUT';
    this.failed(timedOut ? 'connect-timeout' : 'connect-failed');
  }

  broken(): void {
    this.#cutOff(FAILED);
  }

  answering(): void {
    this.#state = 'answering';
    this.#first = undefined;
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
    this.#end({ kind: 'response', status }, now);
    this.#backend.stats.answered(status, now - this.startedAt);
    this.#client.exchangeDone(complete && this.#relay.keepAlive);
  }

  /** The attempt came to nothing before any byte of an answer reached the client: try elsewhere, or say why not. */
  failed(cause: FailureCause): void {
    const now = this.#ctx.clock.monotonic();
    const key = this.#lease?.endpoint.key ?? '';
    const stale = this.#upstream?.reused === true && cause === 'upstream-reset';
    this.#backend.stats.upstreamFailure(cause);
    this.#log(cause);
    this.#end(stale ? CANCELLED : FAILED, now);
    this.#relay.reset();
    this.#lastCause = cause;
    this.#tried.push(key);
    if (stale) this.#stale.push(key);
    this.#freshOnly ||= stale;
    const idempotent = isIdempotent(this.method);
    const again = mayRetry(
      { cause, idempotent, replayable: !this.#streamed, sent: this.#sent },
      this.#ctx.config.retry.attempts,
    );
    const unsent = cause === 'connect-failed' || cause === 'connect-timeout';
    if (!again || !(unsent || this.#ctx.budget.take(now))) return this.#answer(cause, undefined);
    this.#backend.stats.retries += 1;
    this.#attempt(now);
  }

  /** Nobody left to ask: for a short while an instance that is just starting may still come up. */
  #noEndpoint(now: number): void {
    if (this.#stale.length > 0) {
      this.#tried = this.#tried.filter((key) => !this.#stale.includes(key));
      this.#stale = [];
      return this.#attempt(now);
    }
    const { timeouts, limits } = this.#ctx.config;
    const inTime = now - this.startedAt < timeouts.connectMs && this.#ctx.waiting < limits.waitingRequests;
    if (!inTime || !this.#backend.hasInstances || this.#ctx.draining) {
      const none = this.#backend.hasInstances ? 'no-endpoint-ready' : 'no-endpoints';
      return this.#answer(this.#lastCause ?? none, undefined);
    }
    this.#state = 'waiting';
    this.#client.setDeadline('none', 0);
    this.#ctx.waiting += 1;
    this.#wait = this.#ctx.clock.after(this.#waitMs, () => {
      this.#stopWaiting();
      this.#tried = [];
      this.#attempt(this.#ctx.clock.monotonic());
    });
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }

  #stopWaiting(): void {
    if (this.#wait === undefined) return;
    this.#wait.cancel();
    this.#wait = undefined;
    this.#ctx.waiting -= 1;
  }

  upgraded(rest: Uint8Array): void {
    const [upstream, lease] = [this.#upstream, this.#lease];
    if (upstream === undefined || lease === undefined) return;
    this.#upstream = undefined;
    this.#lease = undefined;
    this.#state = 'done';
    this.#backend.stats.answered(101, this.#ctx.clock.monotonic() - this.startedAt);
    const tunnel = new Tunnel(this.#ctx, this.#client, upstream, lease);
    this.#client.tunnel(tunnel);
    if (rest.length > 0) tunnel.onUpstreamData(rest);
  }

  onDeadline(kind: DeadlineKind): void {
    const clientIsSlow = kind === 'body' || this.#client.blocked;
    if (this.#state === 'answering') this.#cutOff(clientIsSlow ? CANCELLED : FAILED);
    // 'stream' before the answer: the instance does not take the body.
    else if (kind === 'first-byte' || kind === 'stream') this.failed('first-byte-timeout');
    else this.#answer('request-timeout', CANCELLED);
  }

  /** The client is gone: nobody waits for the answer. */
  cancel(): void {
    if (this.#state === 'done') return;
    this.#backend.stats.cancelled += 1;
    this.#end(CANCELLED, this.#ctx.clock.monotonic());
  }

  /** The answer has begun and cannot be completed: the client must see that it is cut. */
  #cutOff(outcome: Outcome): void {
    this.#backend.stats.truncated += 1;
    this.#log('upstream-reset');
    this.#end(outcome, this.#ctx.clock.monotonic());
    this.#client.transport.destroy(new Error('answer cut off'));
  }

  #answer(reason: ReasonCode, outcome: Outcome | undefined): void {
    const now = this.#ctx.clock.monotonic();
    this.#end(outcome ?? CANCELLED, now);
    this.#client.answer(reason, this.#backend.serviceKey);
  }

  /** Settle what is open. The endpoint's outcome counts once per attempt. */
  #end(outcome: Outcome, now: number): void {
    this.#state = 'done';
    this.#stopWaiting();
    this.#upstream?.abandon();
    this.#upstream = undefined;
    this.#lease?.settle(outcome, now);
    this.#lease = undefined;
  }

  #log(cause: string): void {
    const { log } = this.#ctx;
    if (!log.isLevelEnabled('debug')) return;
    const endpoint = this.#lease?.endpoint;
    log.debug(
      { cause, backend: this.#backend.key, task: endpoint?.taskId, sent: this.#sent },
      'attempt failed',
    );
  }

  pauseUpstream(): void {
    this.#upstream?.transport.pause();
  }
}
