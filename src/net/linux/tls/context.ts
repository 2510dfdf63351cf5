import { hkdfSync } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { netErrors } from '../../errors.ts';
import { protocolList } from '../../tls/alpn.ts';
import { DEFAULT_CIPHERS, GROUPS, TICKET_LIFETIME_S } from '../../tls/defaults.ts';
import { checkContextOptions, ticketKeysOf } from '../../tls/identity.ts';
import type { SecureContext, SecureContextOptions } from '../../types.ts';
import { PinnedMemory } from '../memory.ts';
import * as c from './constants.ts';
import type { OpenSsl, PinnedProtocol } from './openssl.ts';

/** Sessions that a client context keeps for coming back, one per server. */
const MOST_SESSIONS = 256;
const MODES =
  c.SSL_MODE_ENABLE_PARTIAL_WRITE |
  c.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
  c.SSL_MODE_AUTO_RETRY |
  c.SSL_MODE_RELEASE_BUFFERS;
/** Name, key of the MAC, key of the cipher. */
const OPENSSL_TICKET_KEY_BYTES = 80;
const NAME_BYTES = 16;

interface TicketKey {
  readonly name: Uint8Array;
  /** In OpenSSL's format. */
  readonly memory: PinnedMemory;
}

/** An SSL_CTX. */
export class LinuxSecureContext implements SecureContext {
  readonly kind: 'server' | 'client';
  readonly pointer: number;
  readonly verify: 'none' | 'request' | 'require';
  readonly alpn: readonly PinnedProtocol[];
  readonly openSsl: OpenSsl;
  readonly #alpnMemory: PinnedMemory;
  readonly #ticketKeys: readonly TicketKey[];
  readonly #sessions = new Map<string, number>();
  #closed = false;

  /** Throws NET_BAD_CERTIFICATE. */
  constructor(openSsl: OpenSsl, options: SecureContextOptions) {
    checkContextOptions(options);
    const { calls } = openSsl;
    this.openSsl = openSsl;
    this.kind = options.kind;
    this.verify = options.verify ?? (options.kind === 'client' ? 'require' : 'none');
    this.#ticketKeys = ticketKeysOf(options).map((key) => ticketKey(openSsl, key));
    const protocols = protocolList(options.alpn ?? []);
    this.#alpnMemory = pinned(openSsl, protocols);
    this.alpn = pinnedProtocols(options.alpn ?? [], this.#alpnMemory);
    const method = this.kind === 'server' ? calls.TLS_server_method() : calls.TLS_client_method();
    this.pointer = calls.SSL_CTX_new(method);
    if (this.pointer === 0) this.#refuse('SSL_CTX_new');
    try {
      this.#setRules(options);
      this.#setCertificate(options);
      this.#setTrust(options);
      this.#setAlpn(protocols.length);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #setRules({ minVersion, ciphers }: SecureContextOptions): void {
    const { calls } = this.openSsl;
    const { pointer } = this;
    const isServer = this.kind === 'server';
    const tickets = isServer && this.#ticketKeys.length > 0;
    let options = c.SSL_OP_NO_COMPRESSION + c.SSL_OP_NO_RENEGOTIATION;
    // An end without close_notify matters where the end tells that all has come: in answers, not in requests.
    if (isServer) options += c.SSL_OP_IGNORE_UNEXPECTED_EOF;
    if (isServer && !tickets) options += c.SSL_OP_NO_TICKET;
    calls.SSL_CTX_set_options(pointer, options);
    calls.SSL_CTX_ctrl(pointer, c.SSL_CTRL_MODE, MODES, 0);
    calls.SSL_CTX_ctrl(pointer, c.SSL_CTRL_SET_READ_AHEAD, 1, 0);
    calls.SSL_CTX_ctrl(pointer, c.SSL_CTRL_SET_SESS_CACHE_MODE, 0, 0);
    const version = minVersion === 'TLSv1.3' ? c.TLS1_3 : c.TLS1_2;
    this.#check(calls.SSL_CTX_ctrl(pointer, c.SSL_CTRL_SET_MIN_PROTO_VERSION, version, 0), 'versions');
    const list = this.openSsl.text(ciphers ?? DEFAULT_CIPHERS);
    this.#check(calls.SSL_CTX_set_cipher_list(pointer, list), 'ciphers');
    const groups = this.openSsl.text(GROUPS);
    this.#check(calls.SSL_CTX_ctrl(pointer, c.SSL_CTRL_SET_GROUPS_LIST, 0, groups), 'groups');
    calls.SSL_CTX_set_timeout(pointer, TICKET_LIFETIME_S);
    if (!isServer) return;
    const id = this.openSsl.text('rimrock');
    calls.SSL_CTX_set_session_id_context(pointer, id, 'rimrock'.length);
    // One ticket is enough for clients that keep their connections.
    calls.SSL_CTX_set_num_tickets(pointer, tickets ? 1 : 0);
    if (tickets) this.#encryptWith(0);
  }

  #setCertificate({ certificateChain, privateKey }: SecureContextOptions): void {
    if (certificateChain === undefined || privateKey === undefined) return;
    const { calls } = this.openSsl;
    const { pointer } = this;
    let first = true;
    this.#eachCertificate(certificateChain, (certificate) => {
      const result = first
        ? calls.SSL_CTX_use_certificate(pointer, certificate)
        : calls.SSL_CTX_ctrl(pointer, c.SSL_CTRL_CHAIN_CERT, 1, certificate);
      this.#check(result, 'certificate');
      first = false;
    });
    const key = this.#fromPem(privateKey, (bio, secret) => calls.PEM_read_bio_PrivateKey(bio, 0, 0, secret));
    this.#check(key, 'private key');
    const result = calls.SSL_CTX_use_PrivateKey(pointer, key);
    calls.EVP_PKEY_free(key);
    this.#check(result, 'private key');
  }

  #setTrust({ trust }: SecureContextOptions): void {
    const { calls } = this.openSsl;
    if (this.verify === 'none') return;
    const isServer = this.kind === 'server';
    const store = calls.SSL_CTX_get_cert_store(this.pointer);
    this.#eachCertificate(trust ?? rootCertificates.join('\n'), (certificate) => {
      this.#check(calls.X509_STORE_add_cert(store, certificate), 'trusted root');
      // By these names clients choose which certificate to show.
      if (isServer) calls.SSL_CTX_add_client_CA(this.pointer, certificate);
    });
    const must = isServer && this.verify === 'require' ? c.SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    calls.SSL_CTX_set_verify(this.pointer, c.SSL_VERIFY_PEER | must, 0);
  }

  #setAlpn(length: number): void {
    if (length === 0) return;
    const { calls, alpnCallback } = this.openSsl;
    if (this.kind === 'server') calls.SSL_CTX_set_alpn_select_cb(this.pointer, alpnCallback, 0);
    else calls.SSL_CTX_set_alpn_protos(this.pointer, this.#alpnMemory.pointer(0), length);
  }

  #eachCertificate(pem: string, f: (certificate: number) => void): void {
    const { calls } = this.openSsl;
    this.#fromPem(pem, (bio, secret) => {
      for (;;) {
        const certificate = calls.PEM_read_bio_X509(bio, 0, 0, secret);
        if (certificate === 0) break;
        try {
          f(certificate);
        } finally {
          calls.X509_free(certificate);
        }
      }
      calls.ERR_clear_error(); // that there is no further one
      return 1;
    });
  }

  /** Read from PEM; with an empty passphrase, or OpenSSL would ask at the terminal. */
  #fromPem(pem: string, read: (bio: number, passphrase: number) => number): number {
    const { calls } = this.openSsl;
    const memory = pinned(this.openSsl, Buffer.from(`${pem}\n\0`));
    const bio = calls.BIO_new_mem_buf(memory.pointer(0), memory.bytes.length - 1);
    try {
      return read(bio, memory.pointer(memory.bytes.length - 1));
    } finally {
      calls.BIO_free(bio);
      memory.bytes.fill(0);
    }
  }

  #check(result: number, what: string): void {
    if (result <= 0) this.#refuse(what);
  }

  #refuse(what: string): never {
    throw netErrors.NET_BAD_CERTIFICATE({ reason: `${what}: ${this.openSsl.takeError() ?? 'refused'}` });
  }

  /**
   * Which key tickets are read and written with from now on. OpenSSL knows one at a time: before a handshake it gets the one
   * that the ticket shown was written with, and after its first step, before new tickets are written, the first one again.
   */
  #encryptWith(index: number): void {
    const pointer = this.#ticketKeys[index]?.memory.pointer(0) ?? 0;
    this.openSsl.calls.SSL_CTX_ctrl(
      this.pointer,
      c.SSL_CTRL_SET_TLSEXT_TICKET_KEYS,
      OPENSSL_TICKET_KEY_BYTES,
      pointer,
    );
  }

  /** Run the step of a handshake that reads the ticket whose key has this name. */
  withTicketKey(name: Uint8Array | undefined, step: () => number): number {
    const index =
      name === undefined ? 0 : this.#ticketKeys.findIndex((key) => Buffer.compare(key.name, name) === 0);
    if (index <= 0) return step();
    this.#encryptWith(index);
    try {
      return step();
    } finally {
      this.#encryptWith(0);
    }
  }

  /** Clients: have a new connection go on with the last session with that server, if there is one. */
  resume(server: string, ssl: number): void {
    const session = this.#sessions.get(server);
    if (session !== undefined) this.openSsl.calls.SSL_set_session(ssl, session);
  }

  /** Clients: keep the session of a connection that ends. */
  remember(server: string, ssl: number): void {
    if (this.#closed) return;
    const { calls } = this.openSsl;
    const session = calls.SSL_get1_session(ssl);
    if (session === 0) return;
    if (calls.SSL_SESSION_is_resumable(session) === 0) return calls.SSL_SESSION_free(session);
    this.#forget(server);
    this.#sessions.set(server, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MOST_SESSIONS && oldest !== undefined) this.#forget(oldest);
  }

  #forget(server: string): void {
    const session = this.#sessions.get(server);
    if (session === undefined) return;
    this.#sessions.delete(server);
    this.openSsl.calls.SSL_SESSION_free(session);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const server of this.#sessions.keys()) this.#forget(server);
    // Connections hold on to what they need of it.
    this.openSsl.calls.SSL_CTX_free(this.pointer);
  }

  get closed(): boolean {
    return this.#closed;
  }
}

function pinned(openSsl: OpenSsl, bytes: Uint8Array): PinnedMemory {
  const memory = new PinnedMemory(openSsl.calls, bytes.length);
  memory.bytes.set(bytes);
  return memory;
}

function ticketKey(openSsl: OpenSsl, key: Uint8Array): TicketKey {
  const name = key.slice(0, NAME_BYTES);
  const keys = hkdfSync(
    'sha256',
    key.subarray(NAME_BYTES),
    name,
    'tickets',
    OPENSSL_TICKET_KEY_BYTES - NAME_BYTES,
  );
  return { name, memory: pinned(openSsl, Buffer.concat([name, new Uint8Array(keys)])) };
}

function pinnedProtocols(names: readonly string[], memory: PinnedMemory): PinnedProtocol[] {
  let at = 0;
  return names.map((name) => {
    const pointer = memory.pointer(at + 1);
    at += 1 + name.length;
    return { name, pointer, length: name.length };
  });
}
