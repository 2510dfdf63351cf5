import type { SecureLayer } from '../tcp/reactor.ts';
import type { TlsCalls } from './calls.ts';
import { LinuxSecureContext } from './context.ts';
import { ClientHandshake, ServerHandshake, Turns } from './handshake.ts';
import { OpenSsl } from './openssl.ts';

/** TLS 1.2 and 1.3 by OpenSSL, which reads and writes the descriptors itself. */
export function openSslLayer(calls: TlsCalls): () => SecureLayer {
  return () => {
    const openSsl = new OpenSsl(calls);
    const turns = new Turns();
    return {
      context: (options) => new LinuxSecureContext(openSsl, options),
      accepted: (connection, secure, accept) => {
        if (secure.admit?.(connection.remote) === false)
          return connection.destroy(new Error('over the limit of connections'));
        return void new ServerHandshake({ openSsl, turns, secure, accept }, connection);
      },
      connected: (connection, secure) => new ClientHandshake(secure, connection).onReady(),
      close: () => openSsl.close(),
    };
  };
}
