import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { runningProcesses } from '../../support/processes.ts';
import { ENGINES, startEdge } from './support/edge.ts';

// L13 for what is not HTTP/1.1: during an upgrade new sessions are served all the time, those that there are go on until they are done or the
// drain is over.

const HOST = 'a.test';
const DRAIN_MS = 8_000;
const TEST_MS = 120_000;

const pidIn = (path: string): number => Number(readFileSync(path, 'utf8'));
const runs = (pid: number): boolean => runningProcesses().some((p) => p.pid === pid);

describe.skipIf(process.platform !== 'linux').each(ENGINES)('an upgrade on the engine %s', (engine) => {
  const cleanup: (() => unknown)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  const listen = async (server: Server): Promise<number> => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    cleanup.push(() => server.close());
    return (server.address() as AddressInfo).port;
  };

  /** Sends back what comes, over TCP and, once asked to, over HTTP; `GET /wait` is answered when `answer` is called. */
  async function origins() {
    const waiting: (() => void)[] = [];
    const sockets = new Set<Socket>();
    const echo = (socket: Socket): void => {
      sockets.add(socket.on('error', () => {}));
      socket.pipe(socket);
    };
    const web = createHttpServer((request, response) => {
      if (request.url === '/wait') waiting.push(() => void response.end('late'));
      else response.end('now');
    });
    web.on('upgrade', (_request, socket: Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
      echo(socket);
    });
    const ports = { web: await listen(web), tcp: await listen(createServer(echo)) };
    cleanup.push(() => {
      for (const socket of sockets) socket.destroy();
      web.closeAllConnections();
    });
    return { ...ports, waiting };
  }

  async function start() {
    const origin = await origins();
    const [tcp = 0] = await freePorts(1);
    const pidFile = join(mkdtempSync(join(tmpdir(), 'rimrock-upgrade-')), 'pid');
    cleanup.push(() => rmSync(dirname(pidFile), { recursive: true }));
    const edge = await startEdge({
      engine,
      dns: { engine, workers: 1 },
      upgrade: { pidFile },
      lb: {
        workers: 2,
        timeouts: { drainMs: DRAIN_MS },
        servicePorts: { enabled: true },
        services: {
          web: { endpoints: `127.0.0.1:${origin.web}` },
          db: { endpoints: `127.0.0.1:${origin.tcp}` },
        },
        routes: {
          http: { web: { host: HOST, service: 'web' } },
          tcp: { db: { listeners: `port:${tcp}`, service: 'db' } },
        },
      },
    });
    cleanup.push(() => edge.close());
    const old = pidIn(pidFile);
    return {
      port: edge.port,
      tcp,
      waiting: origin.waiting,
      begin: () => void process.kill(old, 'SIGUSR2'),
      /** Another process serves. */
      served: () => pidIn(pidFile) !== old,
      gone: () => !runs(old),
    };
  }

  const dial = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    cleanup.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };

  /** The next thing that comes, or that nothing will. */
  const heard = async (socket: Socket): Promise<string> => {
    if (socket.destroyed) return 'the connection was cut';
    const over = new AbortController();
    const { signal } = over;
    const cut = once(socket, 'close', { signal }).then(() => ['the connection was cut']);
    cut.catch(() => {});
    const [said] = (await Promise.race([once(socket, 'data', { signal }), cut])) as [unknown];
    over.abort();
    return String(said);
  };

  const upgraded = async (port: number): Promise<Socket> => {
    const socket = await dial(port);
    const head = ['GET /ws HTTP/1.1', `host: ${HOST}`, 'connection: upgrade', 'upgrade: websocket'];
    head.push('sec-websocket-version: 13', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==', '', '');
    socket.write(head.join('\r\n'));
    expect(await heard(socket)).toContain(' 101 ');
    return socket;
  };

  const echoes = async (socket: Socket, text: string): Promise<void> => {
    socket.write(text);
    expect(await heard(socket)).toBe(text);
  };

  it.each([
    ['WebSockets', 'port', upgraded],
    ['TCP at a service port', 'tcp', dial],
  ] as const)(
    'lets sessions of %s go on until the drain is over, and new ones begin at all times',
    async (_what, which, open) => {
      const edge = await start();
      const port = edge[which];
      const session = await open(port);
      await echoes(session, 'before');
      const cut = once(session, 'close');
      edge.begin();
      for (let i = 0; !edge.served(); i++) {
        await echoes(session, `meanwhile ${i}`);
        const another = await open(port);
        await echoes(another, `new ${i}`);
        another.end();
        await once(another, 'close');
      }
      await echoes(session, 'after');
      // The old process accepts for a moment longer, so it may be of either.
      await echoes(await open(port), 'of either');
      await cut;
      await eventually('the old process to be gone', edge.gone, { timeoutMs: 30_000 });
      await echoes(await open(port), 'alone');
    },
    TEST_MS,
  );

  it(
    'finishes what is asked over HTTP/2, says GOAWAY, and answers everything else meanwhile',
    async () => {
      const edge = await start();
      const open = (): ClientHttp2Session => {
        const session = connectHttp2(`http://127.0.0.1:${edge.port}`);
        session.on('error', () => {});
        cleanup.push(() => session.destroy());
        return session;
      };
      const goaways: number[] = [];
      const first = open();
      first.on('goaway', (code) => goaways.push(code));
      const late = answer(first, '/wait');
      expect(await answer(first, '/')).toBe('200 now');
      await eventually('the request to have arrived', () => edge.waiting.length === 1);
      edge.begin();
      let current = first;
      const next = async (): Promise<void> => {
        // Where GOAWAY was said, a request belongs on another connection (RFC 9113 §6.8).
        if (current.closed || current.destroyed) current = open();
        const said = await answer(current, '/');
        // One that crossed it was not processed, and may be asked again.
        if (said === `error ${constants.NGHTTP2_REFUSED_STREAM}` || said === 'going away') return;
        expect(said).toBe('200 now');
      };
      while (!edge.served()) await next();
      for (let i = 0; i < 20; i++) await next();
      edge.waiting[0]?.();
      expect(await late).toBe('200 late');
      await eventually('the old process to be gone', edge.gone, { timeoutMs: 30_000 });
      expect(goaways.at(-1)).toBe(constants.NGHTTP2_NO_ERROR);
      current = open();
      await next();
    },
    TEST_MS,
  );
});

/** `<status> <body>`, or what became of it. */
function answer(session: ClientHttp2Session, path: string): Promise<string> {
  return new Promise((resolve) => {
    if (session.closed || session.destroyed) return resolve('going away');
    const stream = session.request({ ':authority': HOST, ':path': path });
    let [status, body] = [0, ''];
    stream.on('response', (headers) => (status = Number(headers[':status'])));
    stream.setEncoding('utf8').on('data', (piece: string) => (body += piece));
    stream.on('error', () => {});
    stream.on('close', () => resolve(status === 0 ? `error ${stream.rstCode}` : `${status} ${body}`));
  });
}
