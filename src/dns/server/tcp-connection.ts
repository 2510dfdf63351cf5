import type { Clock } from '../../core/clock.ts';
import type { Transport, TransportHandler } from '../../net/index.ts';
import { MessageFramer, framed } from '../wire/index.ts';
import type { Responder } from './responder.ts';

export interface TcpLimits {
  readonly maxQueriesPerConnection: number;
  readonly idleTimeoutMs: number;
  readonly partialTimeoutMs: number;
}

/** One client over TCP. Answers leave in the order they are ready, which with forwarding is not that of the queries. */
export class TcpConnection implements TransportHandler {
  readonly #transport: Transport;
  readonly #responder: Responder;
  readonly #limits: TcpLimits;
  readonly #clock: Clock;
  readonly #onClosed: () => void;
  readonly #framer = new MessageFramer();
  #queries = 0;
  #pending = 0;
  #finishing = false;
  #partialSinceMs: number | undefined;
  #lastActiveMs: number;

  constructor(parts: {
    readonly transport: Transport;
    readonly responder: Responder;
    readonly limits: TcpLimits;
    readonly clock: Clock;
    readonly onClosed: () => void;
  }) {
    this.#transport = parts.transport;
    this.#responder = parts.responder;
    this.#limits = parts.limits;
    this.#clock = parts.clock;
    this.#onClosed = parts.onClosed;
    this.#lastActiveMs = parts.clock.monotonic();
  }

  /** Answers that are still to come. */
  get pending(): number {
    return this.#pending;
  }

  get lastActiveMs(): number {
    return this.#lastActiveMs;
  }

  onData(bytes: Uint8Array): void {
    if (this.#finishing) return;
    const messages = this.#framer.push(bytes);
    const now = this.#clock.monotonic();
    if (messages.length > 0) this.#lastActiveMs = now;
    if (!this.#framer.partial) this.#partialSinceMs = undefined;
    else if (messages.length > 0 || this.#partialSinceMs === undefined) this.#partialSinceMs = now;
    for (const message of messages) {
      if (++this.#queries > this.#limits.maxQueriesPerConnection) break;
      this.#answer(message);
    }
    if (this.#queries >= this.#limits.maxQueriesPerConnection) this.finish();
  }

  onEnd(): void {
    this.finish();
  }

  onDrain(): void {
    this.#transport.resume();
  }

  onClose(): void {
    this.#finishing = true;
    this.#onClosed();
  }

  /** Read no more queries, send what is still to come, then close. */
  finish(): void {
    this.#finishing = true;
    this.#endWhenDone();
  }

  destroy(): void {
    this.#transport.destroy();
  }

  /** Close when it has been idle, or in the middle of a message, for too long. */
  checkDeadline(now: number): void {
    const idle = this.#pending === 0 && now - this.#lastActiveMs >= this.#limits.idleTimeoutMs;
    const partial =
      this.#partialSinceMs !== undefined && now - this.#partialSinceMs >= this.#limits.partialTimeoutMs;
    if (idle || partial) this.destroy();
  }

  #answer(message: Uint8Array): void {
    this.#pending++;
    this.#responder.respond(message, this.#transport.remote, 'tcp', (reply) => {
      this.#pending--;
      this.#lastActiveMs = this.#clock.monotonic();
      // A client that does not read gets no more of its queries read.
      if (reply && !this.#transport.closed && !this.#transport.write(framed(reply))) this.#transport.pause();
      if (this.#finishing) this.#endWhenDone();
    });
  }

  #endWhenDone(): void {
    if (this.#pending === 0 && !this.#transport.closed) this.#transport.end();
  }
}
