import { createServer, Socket } from 'node:net';
import type { AddressInfo, Server, SocketConstructorOpts } from 'node:net';
import { errorText } from '../../core/errors.ts';
import { netErrors } from '../errors.ts';
import type { Listener, ListenOptions, Transport, TransportHandler } from '../types.ts';
import { NO_HANDLER, TcpTransport } from './tcp-transport.ts';
import type { TcpShared } from './tcp-transport.ts';
import { acceptTls } from './tls/accepted.ts';
import type { SecureListening } from './tls/accepted.ts';

/** The part of Node's accepted-connection plumbing that has no public name (see `acceptInto`). */
interface ServerHandle {
  onconnection: (error: number, client: ClientHandle | undefined) => void;
}
interface ClientHandle {
  setNoDelay(on: boolean): void;
}

const BACKLOG = 4096;

/** Listen on TCP. `ownBuffers: false` uses only public Node interfaces and costs about a fifth more per request. */
export async function listenTcp(
  shared: TcpShared,
  options: ListenOptions,
  accept: (transport: Transport) => TransportHandler,
  ownBuffers: boolean,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: false }, (socket) => {
    take(shared, accept, (transport) => {
      transport.attach(socket, true);
    });
  });
  return listenWith(shared, server, options, () => {
    if (ownBuffers) acceptInto(server, shared, accept);
  });
}

/** Listen with TLS, or leave it to the owner by what the client says first. */
export function listenTls(listening: SecureListening, options: ListenOptions): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    acceptTls(listening, socket);
  });
  return listenWith(listening.shared, server, options, () => {});
}

async function listenWith(
  shared: TcpShared,
  server: Server,
  options: ListenOptions,
  onBound: () => void,
): Promise<Listener> {
  await bind(server, options);
  // What goes wrong after the bind (EMFILE on accept) must not end the process; the next accept tries again.
  server.on('error', (error) => shared.log.warn({ error }, 'accepting connections failed'));
  onBound();
  const address = server.address() as AddressInfo;
  return {
    address: { ip: address.address, port: address.port },
    // The address is free at once; Node's own callback would wait for the connections too.
    close: async () => void server.close(),
  };
}

function bind(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void =>
      reject(
        netErrors.NET_LISTEN_FAILED(
          { protocol: 'tcp', host: options.host, port: options.port, reason: errorText(error) },
          error,
        ),
      );
    server.once('error', failed);
    const listening = (): void => {
      server.off('error', failed);
      resolve();
    };
    const reuse = options.reusePort ? { reusePort: true } : {};
    // With a descriptor Node takes the backlog only so.
    if (options.descriptor !== undefined) server.listen({ fd: options.descriptor }, BACKLOG, listening);
    else server.listen({ host: options.host, port: options.port, backlog: BACKLOG, ...reuse }, listening);
  });
}

/**
 * Node offers reading into one's own buffers (`onread`) to sockets we open, not to those we accept. So take the
 * accepted handle before Node wraps it and wrap it ourselves with `onread`. That hook is private: where it is missing
 * the 'connection' event still serves, only slower.
 */
function acceptInto(
  server: Server,
  shared: TcpShared,
  accept: (transport: Transport) => TransportHandler,
): void {
  const handle = (server as unknown as { _handle?: Partial<ServerHandle> })._handle;
  if (typeof handle?.onconnection !== 'function') {
    shared.log.warn('this Node has no accept hook: reading accepted connections by events, which is slower');
    return;
  }
  handle.onconnection = (error, client) => {
    if (error !== 0 || client === undefined) {
      shared.log.warn({ errno: error }, 'accepting a connection failed');
      return;
    }
    client.setNoDelay(true);
    take(shared, accept, (transport) => {
      const options = { handle: client, allowHalfOpen: true, onread: transport.readOptions() };
      transport.attach(new Socket(options as unknown as SocketConstructorOpts), false);
    });
  };
}

function take(
  shared: TcpShared,
  accept: (transport: Transport) => TransportHandler,
  attach: (transport: TcpTransport) => void,
): void {
  const transport = new TcpTransport(shared, NO_HANDLER);
  attach(transport);
  try {
    transport.handler = accept(transport);
  } catch (error) {
    shared.log.error({ error }, 'connection handler failed');
    transport.destroy();
  }
}
