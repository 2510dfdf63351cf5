import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { NO_PREDECESSOR } from '../predecessor.ts';
import type { InheritedSockets } from '../predecessor.ts';
import type { MutualTls } from './mutual-tls.ts';
import { openTlsGate } from './tls-gate.ts';

export type Api = FastifyInstance;
export type ApiRequest = FastifyRequest;
export type ApiReply = FastifyReply;

/** Take no new connection; what is connected stays, and idle connections are closed. `close` has still to come. */
export const stopListening = (api: Api): void => void api.server.close();

const noSchemas = (): never => {
  throw new Error('a route with a schema: our APIs read requests and write replies themselves');
};
/** Our routes have no schemas. Without these two fastify loads compilers for them, half as much again as itself. */
const NO_SCHEMAS = { buildValidator: () => noSchemas, buildSerializer: () => noSchemas };

/**
 * A fastify instance with the settings every API of ours shares. Request bodies arrive as a Buffer in `request.body`
 * whatever their media type: each API decides itself what it takes (the Mesos APIs have an exact order of refusals).
 *
 * Idle keep-alive connections are never closed by us: Mesos does not, and real Mesos clients break when a server does
 * (a Node default of 5 s made pymesos resubscribe for ever). Slow request heads are closed after 60 s.
 */
export function createApi(
  options: {
    readonly bodyLimitBytes?: number;
    /** Answers a path that cannot be decoded, such as `/%zz`; by default 400 in JSON. */
    readonly onBadPath?: (reply: ApiReply) => ApiReply;
  } = {},
): Api {
  const { onBadPath } = options;
  const badPaths: Pick<FastifyServerOptions, 'frameworkErrors'> = onBadPath
    ? { frameworkErrors: (_error, _request, reply) => void onBadPath(reply) }
    : {};
  const api = fastify({
    logger: false,
    bodyLimit: options.bodyLimitBytes ?? 16 * 1024 * 1024,
    keepAliveTimeout: 0,
    connectionTimeout: 0,
    requestTimeout: 0,
    forceCloseConnections: true,
    return503OnClosing: false,
    schemaController: { compilersFactory: NO_SCHEMAS },
    ...badPaths,
    exposeHeadRoutes: true,
    http: { headersTimeout: 60_000, connectionsCheckingInterval: 1_000 },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096 },
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  return api;
}

/** What stands before an API. */
export interface ListenOptions {
  /** Without it the API speaks plain HTTP. */
  readonly tls?: MutualTls | undefined;
  /** Whether somebody without a certificate is let in where TLS is required: then each route must look. */
  readonly anonymous?: boolean;
}

/**
 * After a failover all agents of a large cluster connect within seconds. Who finds no place here is connected for all that it
 * knows, and waits until its patience ends. The kernel takes as many as `net.core.somaxconn` says.
 */
const BACKLOG = 4096;

/** Bind, or take over a socket that is bound there; resolves to the real port (useful with port 0). */
export async function listen(
  api: Api,
  host: string,
  port: number,
  inherited: InheritedSockets = NO_PREDECESSOR.sockets,
  { tls, anonymous = false }: ListenOptions = {},
): Promise<number> {
  if (tls) {
    const closeAll = openTlsGate(api.server, tls, anonymous);
    api.addHook('preClose', (done) => {
      closeAll();
      done();
    });
  }
  const [fd] = inherited.take('tcp', host, port);
  // Node goes by the descriptor and looks at nothing else then; fastify would do more for `localhost`.
  const where = fd === undefined ? { host, port, backlog: BACKLOG } : { fd, host: '' };
  await api.listen(where);
  const address = api.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
