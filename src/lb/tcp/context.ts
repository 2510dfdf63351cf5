import type { ClientHello, SecureChoice, SecureFacts } from '../../net/index.ts';
import type { Backend, ClientFacts, ForwardContext } from '../forward/index.ts';
import type { AccessSink } from '../log/record.ts';
import type { Route } from '../router/index.ts';
import type { TcpStats } from './stats.ts';

/** Why a connection goes nowhere. */
export type TcpRefusal = 'no-route' | 'no-endpoints' | 'not-ready' | 'ip-denied' | 'policy-denied';

/** Where a connection goes, or why it goes nowhere. */
export type TcpRouted =
  | { readonly route: Route; readonly backend: Backend }
  | { readonly reason: TcpRefusal };

/** How many connections there may be (`SharedCounts`). */
export interface ConnectionLimits {
  open(
    ip: string,
    limits: { readonly maxConnections: number; readonly connectionsPerClient: number },
  ): boolean;
  close(ip: string): void;
}

/** The load balancer as its TCP connections see it. */
export interface TcpEdge {
  readonly forward: ForwardContext;
  readonly access: AccessSink;
  /**
   * The route for a connection that came by `listener`; `serverName`: what the client asks for in TLS; `client`: what it has shown, once
   * that is known.
   */
  routeTcp(
    listener: string,
    serverName: string | undefined,
    clientIp: string,
    client?: Pick<ClientFacts, 'peer'>,
  ): TcpRouted;
  /** A connection was refused, with a code of `reasons`. */
  refused(reason: string, clientIp: string): void;
  /** The numbers of a backend, for who counts something, now. */
  statsOf(backendKey: string): TcpStats;
  /** How TLS ends here for a route. */
  chooseTcp(route: Route, hello: ClientHello): SecureChoice;
  /** What is said of a client for what was agreed on in TLS. */
  secureFacts(session: SecureFacts): Pick<ClientFacts, 'tls' | 'peer' | 'certificate'>;
}
