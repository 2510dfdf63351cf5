import { createServer as createHttpServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { connect, createServer } from 'node:http2';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  SecureClientSessionOptions,
  ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import type { Metrics } from '../../src/core/metrics.ts';
import { planesInThreads } from '../../src/lb/control/thread-link.ts';
import { instance, service } from '../../src/lb/testing/fake-catalog.ts';
import { startThreaded } from '../../src/lb/testing/threaded.ts';
import type { Engine } from '../../src/lb/testing/threaded.ts';
import { createPortableReactor } from '../../src/net/index.ts';
import { TestAuthority } from '../../src/net/testing/identities.ts';

export { ENGINES } from '../../src/lb/testing/threaded.ts';

/** A load balancer with its planes on threads. */
export interface Http2Harness {
  readonly port: number;
  /** Of the listener for HTTPS, where the configuration has one; its certificate is for a.test. */
  readonly securePort: number | undefined;
  readonly admin: string;
  readonly metrics: Metrics;
  /** Serve host a.test from these ports of loopback; resolves when all planes do. */
  serve(...ports: readonly number[]): Promise<void>;
  /** Stop it; may be called before the end of the test. */
  stop(): Promise<void>;
}

const cleanup: (() => void | Promise<void>)[] = [];
/** End all that was started here; for `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const f of cleanup.splice(0).toReversed()) await f();
}

export const whenDone = (f: () => void | Promise<void>): void => void cleanup.push(f);

const authority = new TestAuthority(systemClock);

/** A load balancer that speaks HTTP/2; `upstream`: what its instances speak. `labels` go with those of the service. */
export async function harness(
  engine: Engine,
  upstream: 'http1' | 'h2',
  config: Record<string, unknown> = {},
  labels: Record<string, string> = {},
): Promise<Http2Harness> {
  const { certificateChain, privateKey } = authority.issue(['a.test']);
  const disk = new Map([
    ['a.crt', certificateChain],
    ['a.key', privateKey],
  ]);
  const { lb, serve, port, admin, metrics } = await startThreaded(
    { timeouts: { drainMs: 200 }, ...config },
    {
      certificateFiles: { read: async (path) => disk.get(path) ?? '', list: async () => [...disk.keys()] },
      reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
      startPlane: planesInThreads(engine, silentLogger),
    },
  );
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= lb.stop());
  cleanup.push(stop);
  const all = new Map(
    Object.entries({
      'rimrock.http.web.host': 'a.test',
      'rimrock.http.web.upstream.protocol': upstream,
      ...labels,
    }),
  );
  return {
    port,
    securePort: lb.addresses.https?.port,
    admin,
    metrics,
    serve: (...ports) =>
      serve(service({ name: 'a', labels: all, instances: ports.map((one) => instance(one)) })),
    stop,
  };
}

export async function origin1(listener: RequestListener): Promise<number> {
  const server = createHttpServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

export async function origin2(
  onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): Promise<number> {
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Over TLS where `tls` says how. */
export function dial(port: number, tls?: SecureClientSessionOptions): ClientHttp2Session {
  const session = connect(`${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, tls);
  session.on('error', () => {});
  cleanup.push(() => session.destroy());
  return session;
}

export interface Answer {
  readonly headers: IncomingHttpHeaders & { readonly ':status'?: number | undefined };
  readonly body: string;
  readonly trailers: IncomingHttpHeaders | undefined;
}

export function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: Answer['headers'] = {};
    let trailers: IncomingHttpHeaders | undefined;
    const pieces: Buffer[] = [];
    stream.on('response', (got) => (headers = got));
    stream.on('trailers', (got) => (trailers = got));
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => resolve({ headers, body: Buffer.concat(pieces).toString('latin1'), trailers }));
    stream.on('error', reject);
  });
}

export const ask = (
  session: ClientHttp2Session,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> => {
  const stream = session.request({ ':authority': 'a.test', ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
};
