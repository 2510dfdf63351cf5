import type { Timer } from '../../../core/clock.ts';
import { agreeOn } from '../../tls/alpn.ts';
import { judged } from '../../tls/judged.ts';
import { MOST_HELLO_BYTES, beginsTls, parseHello } from '../../tls/hello.ts';
import type { ParsedHello } from '../../tls/hello.ts';
import type {
  ClientHello,
  JudgePeer,
  ListenSecurely,
  SecureConnectOptions,
  Transport,
  TransportHandler,
} from '../../types.ts';
import { EAGAIN, EINTR } from '../constants.ts';
import { systemError } from '../libc.ts';
import { FAILED, WANT_READ, WANT_WRITE, receive, transmit } from '../tcp/byte-io.ts';
import type { Gate } from '../tcp/byte-io.ts';
import type { TcpConnection } from '../tcp/connection.ts';
import { EPOLLERR, EPOLLHUP, EPOLLRDHUP } from '../tcp/constants.ts';
import { LinuxSecureContext } from './context.ts';
import type { OpenSsl, PinnedProtocol } from './openssl.ts';
import { TlsSession } from './session.ts';

const MSG_PEEK = 2;
/** The record of a fatal alert, unrecognized_name (RFC 8446 §6). */
const UNRECOGNIZED_NAME = Uint8Array.of(21, 3, 3, 0, 2, 2, 112);
const ENDED = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/** What a client may have sent that nobody reads; with more of it the kernel resets, and our alert may be lost. */
const MOST_DROPPED_READS = 4;
/** Handshakes begun in one turn, of about a third of a millisecond each, so that connections that exist have their turn. */
const MOST_BEGUN_PER_TURN = 16;

/** What the handshakes of one listener share. */
export interface SecureListening {
  readonly openSsl: OpenSsl;
  readonly secure: ListenSecurely;
  readonly accept: (transport: Transport, hello?: ClientHello) => TransportHandler;
  readonly turns: Turns;
}

/** Counts handshakes of the running turn, during which the clock of the loop stands still. */
export class Turns {
  #turn = -1;
  #begun = 0;

  mayBegin(now: number): boolean {
    if (now !== this.#turn) {
      this.#turn = now;
      this.#begun = 0;
    }
    return ++this.#begun <= MOST_BEGUN_PER_TURN;
  }
}

/** An accepted connection until its handshake is done: its first message is looked at, but left for whoever reads on. */
export class ServerHandshake implements Gate {
  readonly #listening: SecureListening;
  readonly #connection: TcpConnection;
  readonly #deadline: Timer;
  #hello: ParsedHello | undefined;
  #session: TlsSession | undefined;
  #agreed: PinnedProtocol | undefined;
  #judge: JudgePeer | undefined;
  #done = false;

  constructor(listening: SecureListening, connection: TcpConnection) {
    this.#listening = listening;
    this.#connection = connection;
    const { handshakeMs } = listening.secure;
    this.#deadline = connection.streams.loop.clock.after(handshakeMs, () => {
      this.#fail(this.#hello === undefined ? 'no ClientHello in time' : 'handshake not done in time');
    });
    connection.shut(this);
  }

  onReady(events: number): void {
    const session = this.#session;
    if (session === undefined) this.#readHello(events);
    else this.#step(session, () => session.handshake());
  }

  onClosed(error: Error | undefined): void {
    this.#session?.close(false);
    this.#session = undefined;
    this.#failed(error?.message ?? 'closed within the handshake');
  }

  /** Nobody will be handed this connection; told once. */
  #failed(reason: string): void {
    if (this.#done) return;
    this.#done = true;
    this.#deadline.cancel();
    this.#listening.secure.onHandshakeFailed?.(reason, this.#connection.remote);
  }

  #readHello(events: number): void {
    const { fd, streams } = this.#connection;
    const { calls, readPointer } = streams;
    const count = calls.recv(fd, readPointer, MOST_HELLO_BYTES + 1, MSG_PEEK);
    if (count < 0) {
      const errno = calls.errno();
      if (errno !== EAGAIN && errno !== EINTR) this.#fail(systemError('read', errno).message);
      else if (errno === EINTR) this.#connection.askAgain();
      return;
    }
    if (count === 0) return this.#fail('closed before a ClientHello');
    const received = new Uint8Array(streams.readBuffer, streams.readAt, count);
    if (this.#listening.secure.alsoPlain === true && !beginsTls(received)) return this.#handOver(undefined);
    const result = parseHello(received);
    if (result.kind === 'failed') return this.#fail(result.reason);
    if (result.kind === 'incomplete') {
      if ((events & ENDED) !== 0) this.#fail('closed within its ClientHello');
      return;
    }
    const { turns } = this.#listening;
    if (turns.mayBegin(streams.loop.clock.monotonic())) this.#choose(result.hello);
    else this.#connection.askAgain();
  }

  #choose(hello: ParsedHello): void {
    const connection = this.#connection;
    const { secure } = this.#listening;
    const choice = secure.choose(hello, connection.local, connection.remote);
    this.#hello = hello;
    if (connection.closed) return;
    if (choice.kind === 'passthrough') return this.#handOver(undefined);
    if (choice.kind === 'refuse') return this.#refuse();
    const { context } = choice;
    this.#judge = choice.judge;
    if (!(context instanceof LinuxSecureContext) || context.kind !== 'server' || context.closed)
      throw new Error('not a server context of this engine');
    const agreed = agreeOn(
      context.alpn.map(({ name }) => name),
      hello.alpn,
    );
    this.#agreed = context.alpn.find(({ name }) => name === agreed);
    const session = new TlsSession(context, connection.fd, connection.remote, undefined);
    this.#session = session;
    this.#step(session, () => context.withTicketKey(hello.ticketKeyName, () => session.handshake()));
  }

  #step(session: TlsSession, step: () => number): void {
    this.#listening.openSsl.agreed = this.#agreed;
    const result = step();
    if (result === WANT_READ) return;
    if (result === WANT_WRITE) return this.#connection.arm();
    if (result === 1) return this.#handOver(session);
    this.#fail(result === FAILED ? reasonOf(session.error()) : 'closed within the handshake');
  }

  #handOver(session: TlsSession | undefined): void {
    const connection = this.#connection;
    const hello = this.#hello;
    const facts = session?.facts(hello?.serverName, this.#agreed?.name);
    const shown = facts?.peerCertificate;
    const refused = shown && this.#judge?.(shown);
    if (refused !== undefined) return this.#fail(refused);
    this.#done = true;
    this.#deadline.cancel();
    this.#session = undefined;
    connection.secure = facts;
    connection.open(session);
    connection.handler = this.#listening.accept(connection, hello);
  }

  #refuse(): void {
    const { fd, streams } = this.#connection;
    this.#dropReceived();
    transmit(streams.calls, fd, streams.pointerTo(UNRECOGNIZED_NAME), UNRECOGNIZED_NAME.length);
    this.#fail('no certificate for this name');
  }

  /** With bytes unread the kernel resets the connection, and what we said last may not arrive. */
  #dropReceived(): void {
    const { fd, streams } = this.#connection;
    for (let i = 0; i < MOST_DROPPED_READS; i++)
      if (receive(streams.calls, fd, streams.readPointer, MOST_HELLO_BYTES) <= 0) return;
  }

  #fail(reason: string): void {
    const connection = this.#connection;
    if (connection.closed) return;
    this.#dropReceived();
    connection.shutDown();
    this.#failed(reason);
    connection.close(undefined);
  }
}

/** A connection that we have opened, from when it is connected until its handshake is done. */
export class ClientHandshake implements Gate {
  readonly #connection: TcpConnection;
  readonly #serverName: string | undefined;
  readonly #judge: JudgePeer | undefined;
  #session: TlsSession | undefined;

  constructor({ context, serverName, judge }: SecureConnectOptions, connection: TcpConnection) {
    if (!(context instanceof LinuxSecureContext) || context.kind !== 'client' || context.closed)
      throw new Error('not a client context of this engine');
    this.#connection = connection;
    this.#serverName = serverName;
    this.#judge = judge;
    const { fd, remote } = connection;
    this.#session = new TlsSession(context, fd, remote, `${serverName ?? ''}|${remote.ip}|${remote.port}`);
    this.#session.expect(serverName, remote.ip, judge === undefined);
    this.#session.resume();
    connection.shut(this);
  }

  onReady(): void {
    const session = this.#session;
    if (session === undefined) return;
    const result = session.handshake();
    if (result === WANT_READ) return;
    if (result === WANT_WRITE) return this.#connection.arm();
    const connection = this.#connection;
    if (result !== 1) return connection.close(result === FAILED ? session.error() : session.endedEarly());
    const facts = session.facts(this.#serverName);
    const refused = judged(this.#judge, facts.peerCertificate, connection.remote);
    if (refused !== undefined) return connection.close(refused);
    connection.secure = facts;
    this.#session = undefined;
    connection.open(session);
    connection.opened();
  }

  onClosed(): void {
    this.#session?.close(false);
    this.#session = undefined;
  }
}

const reasonOf = (error: Error): string => {
  const details = 'details' in error ? (error.details as { reason?: unknown }) : {};
  return typeof details.reason === 'string' ? details.reason : error.message;
};
