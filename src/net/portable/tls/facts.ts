import type { TLSSocket } from 'node:tls';
import type { SecureContext, SecureFacts } from '../../types.ts';

/** What node:tls says of a connection whose handshake is done. */
export function factsOf(
  socket: TLSSocket,
  serverName: string | undefined,
  context: SecureContext,
): SecureFacts {
  return {
    version: socket.getProtocol() === 'TLSv1.3' ? 'TLSv1.3' : 'TLSv1.2',
    cipher: socket.getCipher().standardName,
    serverName,
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
    resumed: socket.isSessionReused(),
    peerCertificate: socket.getPeerX509Certificate()?.raw,
    context,
  };
}
