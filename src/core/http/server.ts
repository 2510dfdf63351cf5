import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';

export type Api = FastifyInstance;
export type ApiRequest = FastifyRequest;
export type ApiReply = FastifyReply;

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
    ...badPaths,
    exposeHeadRoutes: true,
    http: { headersTimeout: 60_000, connectionsCheckingInterval: 1_000 },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096 },
  });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  return api;
}

/** Bind; resolves to the real port (useful with port 0). */
export async function listen(api: Api, host: string, port: number): Promise<number> {
  await api.listen({ host, port });
  const address = api.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
