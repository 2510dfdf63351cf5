import { PinnedMemory } from '../memory.ts';
import type { TlsCalls } from './calls.ts';
import { SSL_TLSEXT_ERR_ALERT_FATAL, SSL_TLSEXT_ERR_OK } from './constants.ts';

const POINTER = 0;
const LENGTH = 8;
const OUT = 16;
const TEXT = 64;
const MOST_TEXT = 4 * 1024;

/** An application protocol, in memory that stays where it is. */
export interface PinnedProtocol {
  readonly name: string;
  readonly pointer: number;
  readonly length: number;
}

/** OpenSSL for one thread: its calls, and the memory and the callback that all contexts share. */
export class OpenSsl {
  readonly calls: TlsCalls;
  /** What the running handshake agrees on when it is asked (ALPN). OpenSSL has no other way than a callback. */
  agreed: PinnedProtocol | undefined;
  readonly #memory: PinnedMemory;
  readonly #alpn: { readonly callback: unknown; release(): void };
  readonly #cipherNames = new Map<number, string>();

  constructor(calls: TlsCalls) {
    this.calls = calls;
    this.#memory = new PinnedMemory(calls, TEXT + MOST_TEXT);
    this.#alpn = calls.onAlpn((_ssl, out, outLength) => this.#onAlpn(out, outLength));
  }

  get alpnCallback(): unknown {
    return this.#alpn.callback;
  }

  #onAlpn(out: number, outLength: number): number {
    const { agreed } = this;
    if (agreed === undefined) return SSL_TLSEXT_ERR_ALERT_FATAL;
    this.#putNumber(POINTER, agreed.pointer);
    this.#memory.bytes[LENGTH] = agreed.length;
    this.calls.memcpy(out, this.#memory.pointer(POINTER), 8);
    this.calls.memcpy(outLength, this.#memory.pointer(LENGTH), 1);
    return SSL_TLSEXT_ERR_OK;
  }

  #putNumber(at: number, value: number): void {
    this.#memory.words[at >> 2] = value | 0;
    this.#memory.words[(at >> 2) + 1] = Math.floor(value / 2 ** 32);
  }

  #number(at: number): number {
    const { words } = this.#memory;
    return ((words[at >> 2] as number) >>> 0) + (words[(at >> 2) + 1] as number) * 2 ** 32;
  }

  /** A pointer to `text` with a zero behind it, good until the next one. Names and lists only: at most 4 KiB. */
  text(text: string): number {
    const { bytes } = this.#memory;
    const written = Buffer.from(bytes.buffer, bytes.byteOffset + TEXT, MOST_TEXT - 1).write(text, 'latin1');
    bytes[TEXT + written] = 0;
    return this.#memory.pointer(TEXT);
  }

  /** What went wrong last, and forget it; undefined when the library knows nothing. */
  takeError(): string | undefined {
    const { calls } = this;
    const code = calls.ERR_get_error();
    if (code === 0) return undefined;
    calls.ERR_clear_error();
    return calls.ERR_reason_error_string(code) ?? `error ${code.toString(16)}`;
  }

  /** IANA name of the cipher suite in use. */
  cipherName(ssl: number): string {
    const cipher = this.calls.SSL_get_current_cipher(ssl);
    const known = this.#cipherNames.get(cipher);
    if (known !== undefined) return known;
    const name = this.calls.SSL_CIPHER_standard_name(cipher);
    this.#cipherNames.set(cipher, name);
    return name;
  }

  /** The protocol that was agreed on, from OpenSSL's memory. */
  alpnOf(ssl: number): string | undefined {
    this.calls.SSL_get0_alpn_selected(ssl, this.#memory.pointer(POINTER), this.#memory.pointer(LENGTH));
    const length = this.#memory.words[LENGTH >> 2] as number;
    if (length === 0) return undefined;
    this.calls.memcpy(this.#memory.pointer(TEXT), this.#number(POINTER), length);
    const { bytes } = this.#memory;
    return Buffer.from(bytes.buffer, bytes.byteOffset + TEXT, length).toString('latin1');
  }

  /** DER of the certificate that the peer has shown. */
  peerCertificate(ssl: number): Uint8Array | undefined {
    const { calls } = this;
    const certificate = calls.SSL_get1_peer_certificate(ssl);
    if (certificate === 0) return undefined;
    const der = new Uint8Array(Math.max(0, calls.i2d_X509(certificate, 0)));
    this.#putNumber(OUT, calls.addressOf(der.buffer)); // which i2d moves on
    calls.i2d_X509(certificate, this.#memory.pointer(OUT));
    calls.X509_free(certificate);
    return der;
  }

  /** No handshake will run any more. */
  close(): void {
    this.#alpn.release();
  }
}
