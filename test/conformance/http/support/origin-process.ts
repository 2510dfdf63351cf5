import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/*
 * An instance in a process of its own, so that it can be killed: `node origin-process.ts JSON`. Says its ports as a line of JSON.
 * - every request is answered with the name of the instance; `?ms=` waits, `?status=`, `?bytes=` say what to answer
 * - `/echo` answers what was seen of the request, `/sha` the sum of its body, `/sse` one event each `?ms=`
 * - the ledger counts each request by its header field `x-id` when its head has come, and when its body is complete
 * - the control port: GET / is the ledger, POST / changes the settings
 */

interface Settings {
  readonly name: string;
  readonly port: number;
  readonly keepAliveMs: number;
  /** Added to every answer. */
  readonly ms: number;
  readonly status: number;
  /** A file to which each id is written when its head has come, at once: it is there also after a kill. */
  readonly journal: string;
}

let settings: Settings = {
  name: 'origin',
  port: 0,
  keepAliveMs: 5_000,
  ms: 0,
  status: 200,
  journal: '',
  ...(JSON.parse(process.argv[2] ?? '{}') as Partial<Settings>),
};

const begun = new Map<string, number>();
const complete = new Map<string, number>();
const connections = new Set<Socket>();
const counts = { requests: 0, connections: 0, running: 0, mostRunning: 0 };

const server = createServer(
  { keepAliveTimeout: settings.keepAliveMs, maxHeaderSize: 65_536 },
  (request, response) => {
    counts.requests += 1;
    counts.running += 1;
    counts.mostRunning = Math.max(counts.mostRunning, counts.running);
    response.on('close', () => void (counts.running -= 1));
    const id = request.headers['x-id'] as string | undefined;
    if (id !== undefined) {
      begun.set(id, (begun.get(id) ?? 0) + 1);
      if (settings.journal !== '') appendFileSync(settings.journal, `${id}\n`);
      request.on('end', () => void complete.set(id, (complete.get(id) ?? 0) + 1));
    }
    const url = new URL(request.url ?? '/', 'http://origin');
    const ms = Number(url.searchParams.get('ms') ?? settings.ms);
    if (url.pathname === '/sse') return events(response, url.searchParams);
    if (url.pathname === '/echo') return echo(request, response);
    if (url.pathname === '/sha') return sum(request, response);
    const status = Number(url.searchParams.get('status') ?? settings.status);
    const bytes = url.searchParams.get('bytes');
    request.resume();
    const answer = (): void => {
      response.statusCode = status;
      response.setHeader('x-instance', settings.name);
      if (bytes !== null) flood(response, Number(bytes));
      else response.end(`${settings.name}\n`);
    };
    request.on('end', () => {
      if (ms > 0) setTimeout(answer, ms);
      else answer();
    });
  },
);
server.on('connection', (socket: Socket) => {
  counts.connections += 1;
  connections.add(socket);
  socket.on('close', () => connections.delete(socket));
});

/** Bytes that are the same each time. */
function flood(response: ServerResponse, bytes: number): void {
  const block = Buffer.alloc(65_536, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));
  response.setHeader('content-length', bytes);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = block.subarray(0, Math.min(left, block.length));
      left -= piece.length;
      if (!response.write(piece)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (piece: string) => void (body += piece));
  request.on('end', () => {
    const { method, url, rawHeaders, rawTrailers } = request;
    response.end(JSON.stringify({ method, url, fields: rawHeaders, trailers: rawTrailers, body }));
  });
}

function sum(request: IncomingMessage, response: ServerResponse): void {
  const hash = createHash('sha256');
  request.on('data', (piece: Buffer) => void hash.update(piece));
  request.on('end', () => response.end(hash.digest('hex')));
}

/** Each event carries the time at which it was sent. */
function events(response: ServerResponse, query: URLSearchParams): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let left = Number(query.get('n') ?? 10);
  const timer = setInterval(
    () => {
      response.write(`data: ${performance.timeOrigin + performance.now()}\n\n`);
      if (--left > 0) return;
      clearInterval(timer);
      response.end();
    },
    Number(query.get('ms') ?? 100),
  );
  response.on('close', () => clearInterval(timer));
}

const control = createServer((request, response) => {
  let text = '';
  request.on('data', (piece: Buffer) => void (text += piece.toString()));
  request.on('end', () => {
    if (request.method === 'POST') settings = { ...settings, ...(JSON.parse(text) as Partial<Settings>) };
    response.end(
      JSON.stringify({ ...counts, open: connections.size, begun: [...begun], complete: [...complete] }),
    );
  });
});

process.stdin.resume().on('end', () => process.exit());
server.listen(settings.port, '127.0.0.1', () => {
  control.listen(0, '127.0.0.1', () => {
    const [port, controlPort] = [server, control].map((s) => (s.address() as AddressInfo).port);
    process.stdout.write(`${JSON.stringify({ port, controlPort })}\n`);
  });
});
