import { errorText } from '../../../core/errors.ts';
import { loadKoffi } from '../libc.ts';
import type { Koffi } from '../libc.ts';

/** What OpenSSL calls to have the application protocol chosen; all arguments are pointers but `length`. */
export type OnAlpn = (ssl: number, out: number, outLength: number, offered: number, length: number) => number;

/**
 * The functions of OpenSSL that are used, as C has them: pointers are numbers, 0 is none. Objects belong to the thread that
 * made them.
 */
export interface TlsCalls {
  addressOf(memory: ArrayBuffer): number;
  errno(): number;
  memcpy(to: number, from: number, length: number): number;
  strlen(text: number): number;

  ERR_clear_error(): void;
  ERR_get_error(): number;
  ERR_reason_error_string(code: number): string | null;

  SSL_CTX_new(method: number): number;
  TLS_server_method(): number;
  TLS_client_method(): number;
  SSL_CTX_free(context: number): void;
  SSL_CTX_ctrl(context: number, what: number, length: number, pointer: number): number;
  SSL_CTX_set_options(context: number, options: number): number;
  SSL_CTX_set_cipher_list(context: number, list: number): number;
  SSL_CTX_set_timeout(context: number, seconds: number): number;
  SSL_CTX_set_num_tickets(context: number, count: number): number;
  SSL_CTX_set_session_id_context(context: number, bytes: number, length: number): number;
  SSL_CTX_use_certificate(context: number, certificate: number): number;
  SSL_CTX_use_PrivateKey(context: number, key: number): number;
  SSL_CTX_get_cert_store(context: number): number;
  SSL_CTX_add_client_CA(context: number, certificate: number): number;
  SSL_CTX_set_verify(context: number, mode: number, callback: 0): void;
  SSL_CTX_set_alpn_protos(context: number, protocols: number, length: number): number;
  /** `callback` is what `onAlpn` gave. */
  SSL_CTX_set_alpn_select_cb(context: number, callback: unknown, argument: 0): void;
  X509_STORE_add_cert(store: number, certificate: number): number;

  BIO_new_mem_buf(bytes: number, length: number): number;
  BIO_free(bio: number): number;
  BIO_number_read(bio: number): number;
  PEM_read_bio_X509(bio: number, into: 0, callback: 0, passphrase: number): number;
  PEM_read_bio_PrivateKey(bio: number, into: 0, callback: 0, passphrase: number): number;
  X509_free(certificate: number): void;
  EVP_PKEY_free(key: number): void;
  i2d_X509(certificate: number, out: number): number;
  X509_verify_cert_error_string(code: number): string | null;

  SSL_new(context: number): number;
  SSL_free(ssl: number): void;
  SSL_set_fd(ssl: number, fd: number): number;
  SSL_get_rbio(ssl: number): number;
  SSL_set_accept_state(ssl: number): void;
  SSL_set_connect_state(ssl: number): void;
  SSL_do_handshake(ssl: number): number;
  SSL_read(ssl: number, bytes: number, length: number): number;
  SSL_write(ssl: number, bytes: number, length: number): number;
  SSL_shutdown(ssl: number): number;
  SSL_set_shutdown(ssl: number, mode: number): void;
  SSL_get_error(ssl: number, result: number): number;
  SSL_has_pending(ssl: number): number;
  SSL_ctrl(ssl: number, what: number, length: number, pointer: number): number;
  SSL_set1_host(ssl: number, name: number): number;
  SSL_get0_param(ssl: number): number;
  X509_VERIFY_PARAM_set1_ip_asc(parameters: number, ip: number): number;
  SSL_get_version(ssl: number): string;
  SSL_get_current_cipher(ssl: number): number;
  SSL_CIPHER_standard_name(cipher: number): string;
  SSL_session_reused(ssl: number): number;
  SSL_get0_alpn_selected(ssl: number, protocol: number, length: number): void;
  SSL_get1_peer_certificate(ssl: number): number;
  SSL_get_verify_result(ssl: number): number;
  SSL_get1_session(ssl: number): number;
  SSL_set_session(ssl: number, session: number): number;
  SSL_SESSION_is_resumable(session: number): number;
  SSL_SESSION_free(session: number): void;

  /** Make something that C can call; `f` runs within `SSL_do_handshake`. */
  onAlpn(f: OnAlpn): { readonly callback: unknown; release(): void };
}

export type TlsCallsOrWhyNot =
  | { readonly calls: TlsCalls; readonly whyNot?: undefined }
  | { readonly calls?: undefined; readonly whyNot: string };

/** OpenSSL as it is in the Node binary, through FFI, or the reason why it is not to be had. Every thread loads its own. */
export async function loadTlsCalls(): Promise<TlsCallsOrWhyNot> {
  const { koffi, whyNot } = await loadKoffi();
  if (!koffi) return { whyNot };
  try {
    return { calls: bindAll(koffi) };
  } catch (error) {
    return { whyNot: `this Node binary lacks a function of OpenSSL: ${errorText(error)}` };
  }
}

/** The parameters of each function: p pointer or size, i int, u unsigned int, l long; before the colon what it returns: v nothing, s text. */
const SIGNATURES: Readonly<
  Record<Exclude<keyof TlsCalls, 'addressOf' | 'errno' | 'onAlpn' | 'SSL_CTX_set_alpn_select_cb'>, string>
> = {
  memcpy: 'p:ppp',
  strlen: 'p:p',
  ERR_clear_error: 'v:',
  ERR_get_error: 'p:',
  ERR_reason_error_string: 's:p',
  SSL_CTX_new: 'p:p',
  TLS_server_method: 'p:',
  TLS_client_method: 'p:',
  SSL_CTX_free: 'v:p',
  SSL_CTX_ctrl: 'l:pilp',
  SSL_CTX_set_options: 'p:pp',
  SSL_CTX_set_cipher_list: 'i:pp',
  SSL_CTX_set_timeout: 'l:pl',
  SSL_CTX_set_num_tickets: 'i:pp',
  SSL_CTX_set_session_id_context: 'i:ppu',
  SSL_CTX_use_certificate: 'i:pp',
  SSL_CTX_use_PrivateKey: 'i:pp',
  SSL_CTX_get_cert_store: 'p:p',
  SSL_CTX_add_client_CA: 'i:pp',
  SSL_CTX_set_verify: 'v:pip',
  SSL_CTX_set_alpn_protos: 'i:ppu',
  X509_STORE_add_cert: 'i:pp',
  BIO_new_mem_buf: 'p:pi',
  BIO_free: 'i:p',
  BIO_number_read: 'p:p',
  PEM_read_bio_X509: 'p:pppp',
  PEM_read_bio_PrivateKey: 'p:pppp',
  X509_free: 'v:p',
  EVP_PKEY_free: 'v:p',
  i2d_X509: 'i:pp',
  X509_verify_cert_error_string: 's:l',
  SSL_new: 'p:p',
  SSL_free: 'v:p',
  SSL_set_fd: 'i:pi',
  SSL_get_rbio: 'p:p',
  SSL_set_accept_state: 'v:p',
  SSL_set_connect_state: 'v:p',
  SSL_do_handshake: 'i:p',
  SSL_read: 'i:ppi',
  SSL_write: 'i:ppi',
  SSL_shutdown: 'i:p',
  SSL_set_shutdown: 'v:pi',
  SSL_get_error: 'i:pi',
  SSL_has_pending: 'i:p',
  SSL_ctrl: 'l:pilp',
  SSL_set1_host: 'i:pp',
  SSL_get0_param: 'p:p',
  X509_VERIFY_PARAM_set1_ip_asc: 'i:pp',
  SSL_get_version: 's:p',
  SSL_get_current_cipher: 'p:p',
  SSL_CIPHER_standard_name: 's:p',
  SSL_session_reused: 'i:p',
  SSL_get0_alpn_selected: 'v:ppp',
  SSL_get1_peer_certificate: 'p:p',
  SSL_get_verify_result: 'l:p',
  SSL_get1_session: 'p:p',
  SSL_set_session: 'i:pp',
  SSL_SESSION_is_resumable: 'i:p',
  SSL_SESSION_free: 'v:p',
};

const TYPES: Readonly<Record<string, string>> = {
  p: 'uint64',
  i: 'int',
  u: 'uint32',
  l: 'int64',
  v: 'void',
  s: 'const char *',
};

function bindAll(koffi: Koffi): TlsCalls {
  const library = koffi.load(null);
  const types = (letters: string): string[] => letters.split('').map((letter) => TYPES[letter] ?? '');
  const bound = Object.entries(SIGNATURES).map(([name, signature]) => {
    const [result = '', parameters = ''] = signature.split(':');
    return [name, library.func(name, TYPES[result] ?? '', types(parameters))] as const;
  });
  const alpn = koffi.pointer(koffi.proto('int', types('ppppup')));
  return {
    ...(Object.fromEntries(bound) as unknown as TlsCalls),
    addressOf: (memory) => Number(koffi.address(memory)),
    errno: () => koffi.errno(),
    SSL_CTX_set_alpn_select_cb: library.func('SSL_CTX_set_alpn_select_cb', 'void', [
      'uint64',
      'void *',
      'uint64',
    ]) as TlsCalls['SSL_CTX_set_alpn_select_cb'],
    onAlpn(f) {
      const callback = koffi.register(f, alpn);
      return { callback, release: () => koffi.unregister(callback) };
    },
  };
}
