import { errorText } from '../../core/errors.ts';
import type { RimrockError } from '../../core/errors.ts';
import { codeOf } from '../../net/index.ts';
import type { ListenOptions, Listener, Reactor } from '../../net/index.ts';
import { dnsErrors } from '../errors.ts';
import type { TcpServer } from './tcp-server.ts';
import type { UdpService } from './udp-service.ts';

/**
 * UDP and TCP on the same port. With port 0 the system picks one for UDP that may be taken for TCP: then again. Rejects with an error
 * that names the address and what to do.
 */
export async function bindBoth(
  reactor: Reactor,
  udp: UdpService,
  tcp: TcpServer,
  options: ListenOptions,
): Promise<Listener> {
  for (let tries = 1; ; tries++) {
    try {
      await udp.start(options.host, options.port);
      return await tcp.listen(reactor, { ...options, port: udp.address?.port ?? options.port });
    } catch (error) {
      await udp.stop(0);
      if (options.port !== 0 || tries === 10) throw bindError(options, error);
    }
  }
}

function bindError(options: ListenOptions, error: unknown): RimrockError {
  const { host, port } = options;
  const cause: unknown = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = codeOf(error);
  if (code === 'EACCES' || code === 'EPERM') return dnsErrors.DNS_BIND_REFUSED({ host, port }, error);
  if (code === 'EADDRINUSE') return dnsErrors.DNS_ADDRESS_IN_USE({ host, port }, error);
  return dnsErrors.DNS_BIND_FAILED({ host, port, reason: errorText(cause) }, error);
}
