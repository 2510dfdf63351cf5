import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import { beginsTls, parseHello } from '../../tls/hello.ts';
import type { ParsedHello } from '../../tls/hello.ts';
import type {
  ClientHello,
  JudgePeer,
  ListenSecurely,
  Peer,
  Transport,
  TransportHandler,
} from '../../types.ts';
import { NO_HANDLER, TcpTransport, plainIp } from '../tcp-transport.ts';
import type { TcpShared } from '../tcp-transport.ts';
import { PortableSecureContext } from './context.ts';
import { factsOf } from './facts.ts';

/** The record of a fatal alert, unrecognized_name (RFC 8446 §6). */
const UNRECOGNIZED_NAME = Uint8Array.of(21, 3, 3, 0, 2, 2, 112);

export interface SecureListening {
  readonly shared: TcpShared;
  readonly clock: Clock;
  readonly secure: ListenSecurely;
  readonly accept: (transport: Transport, hello?: ClientHello) => TransportHandler;
}

/** The part of a TLSSocket made by oneself that has no public name: what became of checking the client's certificate. */
interface Checked {
  readonly ssl?: { verifyError?(): Error | null };
}

/** Look at what comes by a socket first, and go on as `choose` says. It must have been made with `allowHalfOpen`. */
export function acceptTls(listening: SecureListening, socket: Socket): void {
  const remote = { ip: plainIp(socket.remoteAddress), port: socket.remotePort ?? 0 };
  if (listening.secure.admit?.(remote) === false) socket.resetAndDestroy();
  else void new AcceptedTls(listening, socket, remote);
}

/** An accepted socket, made with `allowHalfOpen`, until its handshake is done. */
class AcceptedTls {
  readonly #listening: SecureListening;
  readonly #socket: Socket;
  readonly #remote: Peer;
  readonly #local: Peer;
  readonly #deadline: Timer;
  readonly #onData = (bytes: Buffer): void => this.#readHello(bytes);
  readonly #onEnd = (): void => this.#fail('closed within the hello or the handshake');
  readonly #onError = (error: Error): void => void (this.#error ??= error);
  readonly #onClose = (): void =>
    this.#fail(this.#error ? errorText(this.#error) : 'closed within the handshake');
  #received: Buffer | undefined;
  #error: Error | undefined;
  #done = false;

  constructor(listening: SecureListening, socket: Socket, remote: Peer) {
    this.#listening = listening;
    this.#socket = socket;
    this.#remote = remote;
    this.#local = { ip: plainIp(socket.localAddress), port: socket.localPort ?? 0 };
    this.#deadline = listening.clock.after(listening.secure.handshakeMs, () =>
      this.#fail('handshake not done in time'),
    );
    socket.on('data', this.#onData).on('end', this.#onEnd);
    socket.on('error', this.#onError).on('close', this.#onClose);
  }

  #readHello(bytes: Buffer): void {
    this.#received = this.#received ? Buffer.concat([this.#received, bytes]) : bytes;
    const plain = this.#listening.secure.alsoPlain === true && !beginsTls(this.#received);
    const result = plain ? undefined : parseHello(this.#received);
    if (result?.kind === 'incomplete') return;
    const socket = this.#socket;
    socket.off('data', this.#onData).off('end', this.#onEnd);
    if (result?.kind === 'failed') return this.#fail(result.reason);
    socket.pause();
    socket.unshift(this.#received);
    this.#received = undefined;
    try {
      if (result === undefined) this.#handOver(this.#take(socket));
      else this.#choose(result.hello);
    } catch (error) {
      this.#listening.shared.log.error({ error }, 'connection handler failed');
      this.#fail('failed here');
    }
  }

  #choose(hello: ParsedHello): void {
    const choice = this.#listening.secure.choose(hello, this.#local, this.#remote);
    if (choice.kind === 'passthrough') {
      const transport = this.#take(this.#socket);
      this.#handOver(transport, hello);
      return;
    }
    if (choice.kind === 'refuse') {
      this.#socket.write(UNRECOGNIZED_NAME);
      return this.#fail('no certificate for this name');
    }
    const { context, judge } = choice;
    if (!(context instanceof PortableSecureContext) || context.kind !== 'server' || context.closed)
      throw new Error('not a server context of this engine');
    this.#handshake(context, hello, judge);
  }

  #handshake(context: PortableSecureContext, hello: ParsedHello, judge: JudgePeer | undefined): void {
    const { alpn, verify } = context;
    const secured = new TLSSocket(this.#socket, {
      isServer: true,
      secureContext: context.context,
      requestCert: verify !== 'none',
      rejectUnauthorized: verify === 'require',
      ...(alpn.length > 0 ? { ALPNProtocols: [...alpn] } : {}),
    });
    secured.on('error', this.#onError).on('_tlsError', this.#onError).on('close', this.#onClose);
    // There can be no data yet; an end can.
    secured.on('end', this.#onEnd).resume();
    secured.once('secure', () => {
      const facts = factsOf(secured, hello.serverName, context);
      const shown = facts.peerCertificate;
      const refused =
        verify === 'none' || shown === undefined ? undefined : (certificateError(secured) ?? judge?.(shown));
      if (refused !== undefined) return this.#fail(refused);
      secured.off('error', this.#onError).off('_tlsError', this.#onError).off('close', this.#onClose);
      secured.off('end', this.#onEnd);
      // Node leaves what goes wrong later to the owner of such a socket.
      secured.on('_tlsError', (error: Error) => secured.destroy(error));
      const transport = this.#take(secured);
      transport.secure = facts;
      this.#handOver(transport, hello);
    });
  }

  #take(socket: Socket): TcpTransport {
    this.#done = true;
    this.#deadline.cancel();
    if (socket === this.#socket) this.#socket.off('error', this.#onError).off('close', this.#onClose);
    const transport = new TcpTransport(this.#listening.shared, NO_HANDLER);
    transport.attach(socket, true, this.#socket);
    return transport;
  }

  #handOver(transport: TcpTransport, hello?: ClientHello): void {
    const { shared, accept } = this.#listening;
    try {
      transport.handler = accept(transport, hello);
      transport.resume();
    } catch (error) {
      shared.log.error({ error }, 'connection handler failed');
      transport.destroy();
    }
  }

  #fail(reason: string): void {
    if (this.#done) return;
    this.#done = true;
    this.#deadline.cancel();
    const socket = this.#socket;
    // What was written, an alert, leaves first; what the client still says is dropped.
    socket.off('data', this.#onData).resume();
    socket.destroySoon();
    this.#listening.secure.onHandshakeFailed?.(reason, this.#remote);
  }
}

/** Why the certificate that the client has shown is not good. */
function certificateError(socket: TLSSocket): string | undefined {
  const { ssl } = socket as unknown as Checked;
  if (typeof ssl?.verifyError !== 'function')
    return 'this Node does not tell whether the certificate is good';
  return ssl.verifyError()?.message;
}
