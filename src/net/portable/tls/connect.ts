import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { errorText } from '../../../core/errors.ts';
import { netErrors } from '../../errors.ts';
import { judged } from '../../tls/judged.ts';
import type { Peer, SecureConnectOptions } from '../../types.ts';
import type { TcpTransport } from '../tcp-transport.ts';
import { PortableSecureContext } from './context.ts';
import { factsOf } from './facts.ts';

/** Speak TLS over a socket that is connecting; `onConnect` of the transport comes after the handshake. */
export function secureConnect(
  transport: TcpTransport,
  socket: Socket,
  to: Peer,
  { context, serverName, judge }: SecureConnectOptions,
  onDone: () => void,
): void {
  if (!(context instanceof PortableSecureContext) || context.kind !== 'client' || context.closed)
    throw new Error('not a client context of this engine');
  const server = `${serverName ?? ''}|${to.ip}|${to.port}`;
  const kept = context.session(server);
  const secured = connect({
    socket,
    host: to.ip,
    secureContext: context.context,
    rejectUnauthorized: context.verify !== 'none',
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(judge === undefined ? {} : { checkServerIdentity: () => undefined }),
    ...(context.alpn.length > 0 ? { ALPNProtocols: [...context.alpn] } : {}),
    ...(kept ? { session: kept.session } : {}),
  });
  let connected = false;
  let established = false;
  socket.once('connect', () => (connected = true));
  // The system's own errors stay as they are until the connection is there.
  transport.errorFor = (error) => {
    if (!connected || established || 'hint' in error) return error;
    const details = { ip: to.ip, port: to.port, reason: errorText(error) };
    // Node says why a certificate is not good, also where it is only the name in it.
    const untrusted = Boolean(secured.authorizationError);
    return netErrors[untrusted ? 'NET_PEER_NOT_TRUSTED' : 'NET_TLS_FAILED'](details, error);
  };
  transport.attach(secured, true, socket);
  // With tickets Node loses sight of the certificate that the server has shown.
  secured.on('session', (session) =>
    context.remember(server, { session, peerCertificate: transport.secure?.peerCertificate }),
  );
  secured.once('secureConnect', () => {
    const facts = factsOf(secured, serverName, context);
    const peerCertificate = facts.peerCertificate ?? (facts.resumed ? kept?.peerCertificate : undefined);
    const refused = judged(judge, peerCertificate, to);
    if (refused !== undefined) return void secured.destroy(refused);
    established = true;
    transport.secure = { ...facts, peerCertificate };
    onDone();
    transport.onConnect();
  });
}
