import { netErrors } from '../../errors.ts';
import type { Peer, SecureFacts } from '../../types.ts';
import { systemError } from '../libc.ts';
import { FAILED, WANT_READ, WANT_WRITE } from '../tcp/byte-io.ts';
import type { ByteIo } from '../tcp/byte-io.ts';
import * as c from './constants.ts';
import type { LinuxSecureContext } from './context.ts';

/** Less than OpenSSL reads from the descriptor at once: a read that brought less has emptied it. */
const FULL_READ_BYTES = 16 * 1024;
const ECONNRESET = 104;

/** An SSL object on a descriptor: the handshake first, then the bytes of a connection. */
export class TlsSession implements ByteIo {
  /** The last read has taken all that the descriptor had: the next bytes make another edge. */
  drained = false;
  readonly #context: LinuxSecureContext;
  readonly #ssl: number;
  readonly #readBio: number;
  readonly #remote: Peer;
  /** Clients: what their session is kept under. */
  readonly #server: string | undefined;
  /** Bytes that came through the descriptor when OpenSSL held none back. */
  #seenEmpty = 0;
  #error: Error | undefined;
  #freed = false;

  constructor(context: LinuxSecureContext, fd: number, remote: Peer, server: string | undefined) {
    const { calls } = context.openSsl;
    this.#context = context;
    this.#remote = remote;
    this.#server = server;
    this.#ssl = calls.SSL_new(context.pointer);
    if (this.#ssl === 0) throw this.#failure('SSL_new');
    calls.SSL_set_fd(this.#ssl, fd);
    this.#readBio = calls.SSL_get_rbio(this.#ssl);
    if (context.kind === 'server') calls.SSL_set_accept_state(this.#ssl);
    else calls.SSL_set_connect_state(this.#ssl);
  }

  /**
   * Clients: whom to ask for, and, if `named`, who must answer. An address is not asked for (RFC 6066 §3), but it must be in
   * the certificate.
   */
  expect(serverName: string | undefined, ip: string, named: boolean): void {
    const { openSsl, verify } = this.#context;
    const { calls } = openSsl;
    const checked = named && verify !== 'none';
    if (serverName === undefined) {
      if (checked) calls.X509_VERIFY_PARAM_set1_ip_asc(calls.SSL_get0_param(this.#ssl), openSsl.text(ip));
      return;
    }
    const name = openSsl.text(serverName);
    calls.SSL_ctrl(this.#ssl, c.SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, name);
    if (checked) calls.SSL_set1_host(this.#ssl, name);
  }

  /** Clients: go on with the last session with this server. */
  resume(): void {
    if (this.#server !== undefined) this.#context.resume(this.#server, this.#ssl);
  }

  /** Go on with the handshake: 1 when it is done, else what it wants, or FAILED. */
  handshake(): number {
    const { calls } = this.#context.openSsl;
    calls.ERR_clear_error();
    const result = calls.SSL_do_handshake(this.#ssl);
    return result === 1 ? 1 : this.#outcome(result, 'handshake');
  }

  facts(serverName: string | undefined, alpn?: string): SecureFacts {
    const { openSsl, kind, verify } = this.#context;
    const { calls } = openSsl;
    const ssl = this.#ssl;
    const isClient = kind === 'client';
    return {
      version: calls.SSL_get_version(ssl) === 'TLSv1.3' ? 'TLSv1.3' : 'TLSv1.2',
      cipher: openSsl.cipherName(ssl),
      serverName,
      alpn: isClient ? openSsl.alpnOf(ssl) : alpn,
      resumed: calls.SSL_session_reused(ssl) === 1,
      peerCertificate: isClient || verify !== 'none' ? openSsl.peerCertificate(ssl) : undefined,
      context: this.#context,
    };
  }

  read(pointer: number, room: number): number {
    const { calls } = this.#context.openSsl;
    const ssl = this.#ssl;
    let total = 0;
    for (;;) {
      calls.ERR_clear_error();
      const count = calls.SSL_read(ssl, pointer + total, room - total);
      if (count <= 0) {
        // The error of a read that comes after good ones is found again by the next.
        if (total > 0) return this.#afterSome(total, calls.SSL_get_error(ssl, count));
        const result = this.#outcome(count, 'read');
        this.drained = result === WANT_READ;
        if (this.drained) this.#seenEmpty = calls.BIO_number_read(this.#readBio);
        return result;
      }
      total += count;
      if (calls.SSL_has_pending(ssl) === 0) return this.#afterAll(total);
      if (total === room) {
        this.drained = false;
        return total;
      }
    }
  }

  #afterSome(total: number, error: number): number {
    this.drained = error === c.SSL_ERROR_WANT_READ;
    if (this.drained) this.#seenEmpty = this.#context.openSsl.calls.BIO_number_read(this.#readBio);
    return total;
  }

  /** OpenSSL holds nothing back. Has the descriptor more? Then what came since the last time fills a buffer. */
  #afterAll(total: number): number {
    const count = this.#context.openSsl.calls.BIO_number_read(this.#readBio);
    this.drained = count - this.#seenEmpty < FULL_READ_BYTES;
    this.#seenEmpty = count;
    return total;
  }

  write(pointer: number, length: number): number {
    const { calls } = this.#context.openSsl;
    if (this.#error !== undefined) return FAILED;
    let done = 0;
    calls.ERR_clear_error();
    // A record at a time, 16 KiB at most.
    while (done < length) {
      const count = calls.SSL_write(this.#ssl, pointer + done, length - done);
      if (count > 0) done += count;
      else return done > 0 ? done : this.#outcome(count, 'write');
    }
    return done;
  }

  end(): number {
    if (this.#error !== undefined) return 0;
    const { calls } = this.#context.openSsl;
    calls.ERR_clear_error();
    const result = calls.SSL_shutdown(this.#ssl);
    return result >= 0 ? 0 : this.#outcome(result, 'shutdown');
  }

  error(): Error {
    return this.#error ?? this.#failure('nothing went wrong');
  }

  /** Why, when the peer has said goodbye before the handshake was done. */
  endedEarly(): Error {
    return this.#failure('closed within the handshake');
  }

  close(clean: boolean): void {
    if (this.#freed) return;
    this.#freed = true;
    const { calls } = this.#context.openSsl;
    if (clean && this.#error === undefined) {
      calls.ERR_clear_error();
      calls.SSL_shutdown(this.#ssl);
    }
    calls.ERR_clear_error();
    if (this.#server !== undefined && this.#error === undefined)
      this.#context.remember(this.#server, this.#ssl);
    // Or OpenSSL takes a session for spoilt whose connection did not end by the book.
    calls.SSL_set_shutdown(this.#ssl, c.BOTH_SHUT_DOWN);
    calls.SSL_free(this.#ssl);
  }

  /** What a result of zero or less means. */
  #outcome(result: number, call: string): number {
    const { openSsl } = this.#context;
    const errno = openSsl.calls.errno();
    const error = openSsl.calls.SSL_get_error(this.#ssl, result);
    if (error === c.SSL_ERROR_WANT_READ) return WANT_READ;
    if (error === c.SSL_ERROR_WANT_WRITE) return WANT_WRITE;
    if (error === c.SSL_ERROR_ZERO_RETURN) return 0;
    if (error === c.SSL_ERROR_SYSCALL) {
      openSsl.calls.ERR_clear_error();
      this.#error = systemError(call, errno === 0 ? ECONNRESET : errno);
      return FAILED;
    }
    this.#error = this.#failure(openSsl.takeError() ?? call);
    return FAILED;
  }

  #failure(reason: string): Error {
    const { calls } = this.#context.openSsl;
    const verified = this.#ssl === 0 ? c.X509_V_OK : calls.SSL_get_verify_result(this.#ssl);
    const { ip, port } = this.#remote;
    if (verified === c.X509_V_OK) return netErrors.NET_TLS_FAILED({ ip, port, reason });
    const detail = `${reason}: ${calls.X509_verify_cert_error_string(verified)}`;
    return netErrors.NET_PEER_NOT_TRUSTED({ ip, port, reason: detail });
  }
}
