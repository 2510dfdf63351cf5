import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { secureOptions } from './mutual-tls.ts';
import type { MutualTls } from './mutual-tls.ts';

/** The first byte of a TLS record that begins a handshake (RFC 8446 §5.1). */
const HANDSHAKE = 0x16;
/** Until a connection has said what it speaks. */
const FIRST_BYTE_MS = 60_000;
const HANDSHAKE_MS = 10_000;

const peers = new WeakMap<object, string>();

/** The SPIFFE id of whoever sent a request, proved by the certificate of the connection. */
export function peerIdOf(request: { readonly raw: { readonly socket: object } }): string | undefined {
  return peers.get(request.raw.socket);
}

/**
 * Put TLS before an HTTP server: the first byte of a connection tells whether it speaks it. Where TLS is required, a plain one is closed
 * without a byte. New handshakes use the newest identity; connections that are open live on. Returns how to close all of them: the server
 * knows only those that have come through. As long as there is no identity a handshake is refused.
 *
 * `anonymous`: whether somebody without a certificate is let in, for routes that are for everybody. One that is not good is refused everywhere.
 */
export function openTlsGate(server: Server, tls: MutualTls, anonymous: boolean): () => void {
  const { current } = tls.identity;
  // What the HTTP server would do with a connection; `https` does the same with those that are through.
  const serve = server.listeners('connection') as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const open = new Set<Socket>();
  const through = (socket: Socket): void => {
    for (const f of serve) f.call(server, socket);
  };
  const optional = anonymous || tls.mode === 'permissive';
  const secure = createServer({
    ...(current && secureOptions(current)),
    requestCert: true,
    rejectUnauthorized: !optional,
    handshakeTimeout: HANDSHAKE_MS,
    ALPNProtocols: ['http/1.1'],
  });
  const unfollow = tls.identity.onChange((next) => secure.setSecureContext(secureOptions(next)));
  secure.on('secureConnection', (socket) => {
    const why = examine(tls, socket, optional);
    if (why === undefined) return through(socket);
    tls.refused(addressOf(socket), why);
    socket.destroy();
  });
  secure.on('tlsClientError', (error, socket) => {
    // Of a chain that does not verify, the error says only that the connection is gone.
    const why: unknown = socket.authorizationError;
    tls.refused(
      addressOf(socket),
      typeof why === 'string' ? `its certificate is not good: ${why}` : error.message,
    );
    socket.destroy();
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    sniff(socket, (first) => {
      if (first === HANDSHAKE && tls.identity.current) return void secure.emit('connection', socket);
      if (first !== HANDSHAKE && tls.mode === 'permissive') return through(socket);
      const plain = 'it does not speak TLS, which auth.tls requires';
      tls.refused(addressOf(socket), first === HANDSHAKE ? 'this process has no identity yet' : plain);
      socket.destroy();
    });
  });
  server.once('close', unfollow);
  return () => {
    for (const socket of open) socket.destroy();
  };
}

/** Why somebody is not let in. */
function examine(tls: MutualTls, socket: TLSSocket, optional: boolean): string | undefined {
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return optional ? undefined : 'it has shown no certificate';
  if (!socket.authorized) return `its certificate is not good: ${String(socket.authorizationError)}`;
  const verdict = tls.judge(leaf.raw, 'client');
  if (!verdict.ok) return `its certificate is not good: ${verdict.why}`;
  peers.set(socket, verdict.id);
  return undefined;
}

/** Have the first byte looked at, and left where it is. */
function sniff(socket: Socket, done: (first: number) => void): void {
  const giveUp = (): void => void socket.destroy();
  socket.setTimeout(FIRST_BYTE_MS, giveUp);
  socket.on('error', giveUp);
  const look = (): void => {
    const first = socket.read(1) as Buffer | null;
    if (first === null) {
      if (socket.readableEnded || socket.destroyed) return giveUp();
      return void socket.once('readable', look);
    }
    socket.setTimeout(0);
    socket.off('timeout', giveUp);
    socket.off('error', giveUp);
    socket.unshift(first);
    done(first[0] ?? 0);
  };
  socket.once('readable', look);
}

const addressOf = (socket: Socket): string => socket.remoteAddress ?? 'somebody who has gone';
