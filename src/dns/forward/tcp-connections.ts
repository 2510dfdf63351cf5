import type { Timer } from '../../core/clock.ts';
import type { Peer, Transport, TransportHandler } from '../../net/index.ts';
import { MessageFramer, framed } from '../wire/index.ts';
import { NONE } from './exchange.ts';
import type { Exchanged, ExchangeParts } from './exchange.ts';
import { matchReply } from './question.ts';

/** Below the shortest time that resolvers wait for another question (10 s, Knot): so it is seldom they who close. */
const IDLE_MS = 5_000;
/** Beyond so many that are idle, connections are closed when they are done. */
const MAX_IDLE = 8;

/** The other side closed before it replied. */
const CLOSED = 'closed';
type Outcome = Exchanged | typeof CLOSED;

/**
 * Questions to one resolver over TCP. A connection that has brought a reply is kept for a while for the next question (RFC 7766
 * §6.2.1). There is one question at a time on each: many resolvers answer in order, and a slow question must not hold up others.
 */
export class TcpConnections {
  readonly #parts: ExchangeParts;
  readonly #to: Peer;
  readonly #idle: TcpConnection[] = [];
  #closed = false;

  constructor(parts: ExchangeParts, to: Peer) {
    this.#parts = parts;
    this.#to = to;
  }

  /**
   * Who answers there is who was called, so a name in other letters is let through, and said. A resolver may close a connection that
   * was idle at any time, also as a question is on its way: then, once, on a new one (RFC 7766 §6.2.4).
   */
  async ask(request: Uint8Array): Promise<Exchanged> {
    const { clock, timeoutMs } = this.#parts;
    const deadline = clock.monotonic() + timeoutMs;
    // The one that was used last: those that are not needed grow old.
    const kept = this.#idle.pop();
    const first = kept && (await this.#on(kept, request, timeoutMs));
    if (first && first !== CLOSED) return first;
    const left = deadline - clock.monotonic();
    if (left <= 0 || this.#closed) return NONE;
    const opened = new TcpConnection(this.#parts, this.#to, left, (gone) => this.#forget(gone));
    const second = await this.#on(opened, request, left);
    return second === CLOSED ? NONE : second;
  }

  /** Keep none any more; what is under way is ended by its own `giveUp`. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  #on(connection: TcpConnection, request: Uint8Array, timeoutMs: number): Promise<Outcome> {
    const { clock, underWay } = this.#parts;
    return new Promise((resolve) => {
      // Not kept, so that a reply that comes after all finds nobody.
      const giveUp = (): void => connection.destroy(NONE);
      const timer = clock.after(timeoutMs, giveUp);
      underWay.add(giveUp);
      connection.ask(request, (outcome) => {
        timer.cancel();
        underWay.delete(giveUp);
        if (outcome !== CLOSED && outcome.kind !== 'none') this.#keep(connection);
        resolve(outcome);
      });
    });
  }

  #keep(connection: TcpConnection): void {
    if (this.#closed || this.#idle.length >= MAX_IDLE) return connection.destroy();
    connection.rest(IDLE_MS);
    this.#idle.push(connection);
  }

  #forget(connection: TcpConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}

/** A connection to a resolver: with a question, or idle. */
class TcpConnection implements TransportHandler {
  readonly #parts: ExchangeParts;
  readonly #onGone: (connection: TcpConnection) => void;
  readonly #transport: Transport;
  readonly #framer = new MessageFramer();
  #asked: { readonly request: Uint8Array; readonly settle: (outcome: Outcome) => void } | undefined;
  #idle: Timer | undefined;
  #connected = false;
  #gone = false;

  constructor(parts: ExchangeParts, to: Peer, timeoutMs: number, onGone: (gone: TcpConnection) => void) {
    this.#parts = parts;
    this.#onGone = onGone;
    this.#transport = parts.reactor.connect(to, { timeoutMs }, this);
  }

  /** `settle` is called once; with `CLOSED` also where the connection has ended by now. */
  ask(request: Uint8Array, settle: (outcome: Outcome) => void): void {
    this.#idle?.cancel();
    this.#asked = { request, settle };
    if (this.#gone) this.#settle(CLOSED);
    else if (this.#connected) this.#transport.write(framed(request));
  }

  rest(ms: number): void {
    this.#idle = this.#parts.clock.after(ms, () => this.destroy());
  }

  /** `outcome` is for who asked. */
  destroy(outcome: Outcome = CLOSED): void {
    this.#transport.destroy();
    this.#end(outcome);
  }

  onConnect(): void {
    this.#connected = true;
    if (this.#asked) this.#transport.write(framed(this.#asked.request));
  }

  onData(bytes: Uint8Array): void {
    for (const message of this.#framer.push(bytes)) {
      // Nobody asked: what else it may say is not worth knowing.
      if (!this.#asked) return this.destroy();
      const match = matchReply(message, this.#asked.request);
      if (match === 'no') this.#parts.onRejected();
      else if (match === 'not-understood') this.#settle({ kind: 'not-understood' });
      else this.#settle({ kind: 'reply', bytes: message, folded: match === 'folded' });
    }
    if (!this.#asked && this.#framer.partial) this.destroy();
  }

  onEnd(): void {
    this.destroy();
  }

  onDrain(): void {}

  onClose(): void {
    this.#end(CLOSED);
  }

  #settle(outcome: Outcome): void {
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.settle(outcome);
  }

  #end(outcome: Outcome): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#idle?.cancel();
    this.#onGone(this);
    this.#settle(outcome);
  }
}
