import type { Transport, TransportHandler } from '../../net/index.ts';
import { acceptedForm, Exchange, keepsAlive, ownAnswer, tellOwnAnswer } from '../forward/index.ts';
import type { Held, Refusal } from '../middleware/index.ts';
import type {
  Admitted,
  ClientFacts,
  ClientSide,
  ClientTunnel,
  DeadlineKind,
  AnswerForm,
} from '../forward/index.ts';
import { BodyReader, FAILED, findHeadEnd, INCOMPLETE } from '../http1/index.ts';
import { reasons } from '../reasons.ts';
import type { ReasonCode } from '../reasons.ts';
import type { Edge } from './edge.ts';
import type { Member } from './roster.ts';

const CR = 13;
const LF = 10;
/** After an answer that closes, what the client still sends is read and dropped for this long, so that no reset overtakes the answer. */
const LINGER_MS = 2_000;
/** The same for an idle connection at stop: nothing of ours is on its way, only a request may have crossed. */
const IDLE_LINGER_MS = 250;

/**
 * One client connection: reads request heads one after the other, admits and routes each, and lends itself to the
 * exchange that carries it. What a client sends ahead (pipelining) waits, at most one read's worth.
 */
export class ClientConnection implements TransportHandler, ClientSide, Member {
  place = -1;
  readonly transport: Transport;
  readonly facts: ClientFacts;
  readonly requestBody = new BodyReader();
  readonly responseBody = new BodyReader();
  halfClosed = false;
  blocked = false;
  readonly #edge: Edge;
  readonly #onClosed: (connection: ClientConnection) => void;
  readonly listener: string;
  #mode: 'head' | 'held' | 'exchange' | 'tunnel' | 'lingering' | 'closed' = 'head';
  #exchange: Exchange | undefined;
  #tunnel: ClientTunnel | undefined;
  /** An incomplete head. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  /** What came after the running request. */
  #ahead: Buffer | undefined;
  #processing = false;
  #skippedBlank = false;
  #deadlineKind: DeadlineKind = 'none';
  #deadlineAt = Number.POSITIVE_INFINITY;
  #halfCloseAt = Number.POSITIVE_INFINITY;
  #bodySince = 0;
  #bodyBase = 0;
  /** Of the request being answered: what an answer of our own has to know. */
  #canKeepAlive = false;
  /** The client has said that it sends nothing after it. */
  #last = false;
  #method: string | undefined;
  #request: Admitted | undefined;
  #form: AnswerForm = 'text';
  #since = 0;
  /** The request that comes next was held. */
  #resumed = false;

  /** `listener` is the name of the one that it came by; routes may be bound to some. */
  constructor(
    edge: Edge,
    transport: Transport,
    facts: ClientFacts,
    onClosed: (connection: ClientConnection) => void,
    listener = 'http',
  ) {
    this.#edge = edge;
    this.listener = listener;
    this.#onClosed = onClosed;
    this.transport = transport;
    this.facts = facts;
    this.setDeadline('head', edge.now() + edge.config.timeouts.headMs);
  }

  /** No request is being read or answered. */
  get idle(): boolean {
    return this.#mode === 'head' && this.#partial === undefined;
  }

  onData(bytes: Uint8Array): void {
    if (this.#partial === undefined) return this.#process(bytes);
    const whole = this.#append(bytes);
    if (whole !== undefined) this.#process(whole);
  }

  /** Take bytes in, in whatever state the connection is; several requests may be answered on the way. */
  #process(bytes: Uint8Array): void {
    let at = 0;
    const end = bytes.length;
    this.#processing = true;
    while (at < end) {
      if (this.#mode === 'head') {
        if (this.blocked) {
          this.#keepAhead(bytes, at);
          break;
        }
        at = this.#head(bytes, at, end);
      } else if (this.#mode === 'exchange' && this.#exchange !== undefined) {
        if (this.requestBody.done) {
          this.#keepAhead(bytes, at);
          break;
        }
        at = this.#exchange.onClientData(bytes, at, end);
      } else if (this.#mode === 'held') {
        this.#keepAhead(bytes, at);
        break;
      } else {
        this.#tunnel?.onClientData(bytes.subarray(at));
        break;
      }
    }
    this.#processing = false;
  }

  #keepAhead(bytes: Uint8Array, at: number): void {
    const rest = bytes.subarray(at);
    this.#ahead = this.#ahead === undefined ? Buffer.from(rest) : Buffer.concat([this.#ahead, rest]);
    this.transport.pause();
  }

  /** One request head; returns the offset after what was taken. */
  #head(bytes: Uint8Array, start: number, end: number): number {
    if (bytes[start] === CR && !this.#skippedBlank) {
      // One empty line before a request is let pass (RFC 9112 §2.2); some clients end a body with it.
      if (end - start === 1) return this.#keepPartial(bytes, start, end);
      if (bytes[start + 1] === LF) {
        this.#skippedBlank = true;
        return start + 2;
      }
    }
    const head = this.#edge.requests;
    const next = head.parse(bytes, start, end);
    if (next === INCOMPLETE) return this.#keepPartial(bytes, start, end);
    this.#skippedBlank = false;
    this.setDeadline('none', 0);
    this.#canKeepAlive = false;
    this.#last = false;
    this.#since = this.#edge.now();
    this.#request = undefined;
    this.#form = 'text';
    this.#method = next === FAILED ? undefined : head.method;
    if (next === FAILED) {
      this.answer(head.error ?? 'bad-request-line');
      return end;
    }
    const admitted = this.#edge.admission.admit(head);
    if (typeof admitted === 'string') {
      this.answer(admitted);
      return end;
    }
    return this.#route(admitted, bytes, start, next, end);
  }

  #route(request: Admitted, bytes: Uint8Array, start: number, bodyStart: number, end: number): number {
    const edge = this.#edge;
    const head = edge.requests;
    this.#request = request;
    this.#form = acceptedForm(head.fields);
    const goesOn = keepsAlive(head.fields, head.version);
    const keepAlive = goesOn && !edge.forward.draining;
    // After a body some send an empty line all the same.
    this.#last = !goesOn && request.body === 0;
    // An HTTP/1.0 client would have to be told that it may keep the connection; after our own answers it is not worth it.
    this.#canKeepAlive = keepAlive && head.version === 11;
    const found = edge.route(request, this.listener, this.facts, this.#resumed);
    if ('hold' in found) return this.#hold(found, bytes, start, end);
    this.#resumed = false;
    if ('reason' in found) {
      this.requestBody.begin(request.body);
      const consumed = this.requestBody.push(bytes, bodyStart, end);
      this.#refuse(found);
      return consumed;
    }
    this.#mode = 'exchange';
    const exchange = new Exchange(edge.forward, this, found.backend, head, request, keepAlive);
    this.#exchange = exchange;
    return exchange.begin(head, bytes, bodyStart, end);
  }

  /** Keep the request as it came, and look at it again when what it waits for is there. */
  #hold({ hold }: Held, bytes: Uint8Array, start: number, end: number): number {
    this.#mode = 'held';
    this.#keepAhead(bytes.subarray(0, end), start);
    this.setDeadline('queue', this.#edge.now() + this.#edge.config.timeouts.headMs);
    hold(() => {
      if (this.#mode !== 'held') return;
      this.#mode = 'head';
      this.#resumed = true;
      this.setDeadline('none', 0);
      this.#continue();
    });
    return end;
  }

  #keepPartial(bytes: Uint8Array, start: number, end: number): number {
    const capacity = Math.max(1024, (end - start) * 2);
    this.#partial = Buffer.allocUnsafe(capacity);
    this.#partial.set(bytes.subarray(start, end), 0);
    this.#partialLength = end - start;
    if (this.#deadlineKind !== 'head')
      this.setDeadline('head', this.#edge.now() + this.#edge.config.timeouts.headMs);
    return end;
  }

  /** Add to the incomplete head; returns all of it when it is worth parsing again. */
  #append(bytes: Uint8Array): Uint8Array | undefined {
    const before = this.#partialLength;
    const length = before + bytes.length;
    let partial = this.#partial ?? Buffer.allocUnsafe(length);
    if (partial.length < length) {
      const bigger = Buffer.allocUnsafe(length * 2);
      partial.copy(bigger, 0, 0, before);
      partial = bigger;
    }
    partial.set(bytes, before);
    this.#partial = partial;
    this.#partialLength = length;
    const { headBytes } = this.#edge.config.limits;
    if (findHeadEnd(partial, before, length) < 0 && length < headBytes) return undefined;
    this.#partial = undefined;
    return partial.subarray(0, length);
  }

  answer(reason: ReasonCode, detail?: string): void {
    this.#refuse({ reason, ...(detail === undefined ? {} : { detail }) });
  }

  #refuse({ reason, detail, status = reasons[reason].status, fields = '', body }: Refusal): void {
    const edge = this.#edge;
    const request = this.#request;
    const close = !this.#canKeepAlive || !this.requestBody.done || this.halfClosed || edge.forward.draining;
    edge.countOwnAnswer(reason, this.facts.ip);
    const bytes = ownAnswer(reason, {
      close,
      head: this.#method === 'HEAD',
      detail,
      status,
      body,
      form: this.#form,
      route: request?.route?.id,
      fields: fields + (request?.passage?.response?.lines ?? ''),
    });
    // An exchange has told already.
    if (this.#exchange === undefined)
      tellOwnAnswer(edge.forward, this, {
        reason,
        status,
        method: this.#method,
        request,
        startedAt: this.#since,
      });
    if (!this.transport.writeOwned(bytes)) this.blocked = true;
    this.exchangeDone(!close);
  }

  exchangeDone(keepAlive: boolean): void {
    this.#exchange = undefined;
    this.#tunnel = undefined;
    if (!keepAlive || this.halfClosed) return this.#closeGently();
    this.#mode = 'head';
    this.setDeadline('idle', this.#edge.now() + this.#edge.config.timeouts.idleMs);
    // Inside `#process` its loop goes on with what is there.
    if (!this.#processing && !this.blocked) this.#continue();
  }

  /** Go on with what the client sent ahead, and read again. */
  #continue(): void {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) this.#process(ahead);
    if (this.#ahead === undefined && this.#mode === 'head') this.transport.resume();
  }

  tunnel(tunnel: ClientTunnel): void {
    this.#exchange = undefined;
    this.#tunnel = tunnel;
    this.#mode = 'tunnel';
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead !== undefined) tunnel.onClientData(ahead);
    if (this.halfClosed) tunnel.onClientEnd();
    this.transport.resume();
  }

  onDrain(): void {
    this.blocked = false;
    if (this.#mode === 'exchange') this.#exchange?.onClientDrain();
    else if (this.#mode === 'tunnel') this.#tunnel?.onClientDrain();
    else if (this.#mode === 'head') this.#continue();
    else if (this.#mode === 'lingering') this.#linger(LINGER_MS);
  }

  onBlocked(): void {
    this.blocked = true;
    this.#exchange?.pauseUpstream();
    this.#tunnel?.onClientBlocked();
  }

  onEnd(): void {
    this.halfClosed = true;
    if (this.#mode === 'tunnel') return this.#tunnel?.onClientEnd();
    if (this.#mode === 'exchange' && this.requestBody.done) {
      this.#halfCloseAt = this.#edge.now() + this.#edge.config.timeouts.halfCloseMs;
      return;
    }
    if (this.#mode === 'head' && this.#ahead === undefined) this.transport.end();
    if (this.#mode !== 'exchange') return;
    this.#exchange?.cancel();
    this.#exchange = undefined;
    this.transport.destroy();
  }

  onClose(): void {
    this.#mode = 'closed';
    this.#exchange?.cancel();
    this.#exchange = undefined;
    this.#tunnel?.onClientClose();
    this.#tunnel = undefined;
    this.#onClosed(this);
  }

  /** Finish our side; read on for a moment so that the last answer is not lost to a reset. */
  #closeGently(lingerMs = LINGER_MS): void {
    this.#mode = 'lingering';
    this.#ahead = undefined;
    this.transport.end(this.#last);
    this.transport.resume();
    this.#linger(lingerMs);
  }

  /** The time of a lingering close begins when the last answer has left us. */
  #linger(ms: number): void {
    this.setDeadline(
      'linger',
      this.#edge.now() + (this.blocked ? this.#edge.config.timeouts.streamIdleMs : ms),
    );
  }

  setDeadline(kind: DeadlineKind, at: number): void {
    this.#deadlineKind = kind;
    this.#deadlineAt = kind === 'none' ? Number.POSITIVE_INFINITY : at;
  }

  awaitBody(): void {
    this.#bodySince = this.#edge.now();
    this.#bodyBase = this.requestBody.received;
    this.setDeadline('body', this.#bodySince + this.#edge.config.timeouts.bodyMs);
  }

  /** Called several times a second. */
  checkDeadline(now: number): void {
    if (now >= this.#halfCloseAt && this.#mode === 'exchange') return this.#cut();
    if (now < this.#deadlineAt) return;
    const kind = this.#deadlineKind;
    if (kind === 'body' && this.#bodyIsFastEnough(now)) return;
    this.setDeadline('none', 0);
    if (kind === 'tunnel') this.#tunnel?.onDeadline();
    else if (this.#exchange !== undefined) this.#exchange.onDeadline(kind);
    else if (kind === 'head' && this.#partial !== undefined) {
      this.#partial = undefined;
      this.#canKeepAlive = false;
      this.#request = this.#method = undefined;
      this.#since = now;
      this.answer('request-timeout');
    } else this.transport.destroy();
  }

  /** Every byte buys time: a slow body is let pass as long as it keeps above the least rate. */
  #bodyIsFastEnough(now: number): boolean {
    const { bodyMs, bodyBytesPerSecond } = this.#edge.config.timeouts;
    const bought = ((this.requestBody.received - this.#bodyBase) / bodyBytesPerSecond) * 1000;
    this.#deadlineAt = this.#bodySince + bodyMs + bought;
    return now < this.#deadlineAt;
  }

  /** End it now; a client that is being answered must see that this is not the end of the answer. */
  #cut(): void {
    this.transport.destroy(this.#mode === 'exchange' ? new Error('answer cut off') : undefined);
  }

  /** The load balancer stops soon: what has no end of its own is asked to come to one. */
  goAway(): void {
    this.#tunnel?.goAway();
  }

  /** The load balancer stops. Running requests finish; `force`: their time is over. */
  drain(force: boolean): void {
    if (this.#mode === 'tunnel' && force) this.#tunnel?.onDeadline();
    if (force) this.#cut();
    else if (this.idle) this.#closeGently(IDLE_LINGER_MS);
  }
}
