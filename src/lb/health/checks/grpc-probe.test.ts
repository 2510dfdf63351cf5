import { createServer } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { seededRandom } from '../../../core/random.ts';
import { createPortableReactor } from '../../../net/index.ts';
import { requestFor, servingStatus } from './grpc-message.ts';
import { grpcProbe } from './grpc-probe.ts';
import type { ProbeResult } from './probe.ts';

describe('messages of grpc.health.v1', () => {
  it('a request names its service', () => {
    expect([...requestFor('')]).toEqual([0, 0, 0, 0, 0]);
    expect([...requestFor('ab')]).toEqual([0, 0, 0, 0, 4, 0x0a, 2, 97, 98]);
    const long = requestFor('x'.repeat(300));
    expect([...long.subarray(0, 8)]).toEqual([0, 0, 0, 1, 47, 0x0a, 0xac, 2]);
  });

  it('an answer says what field 1 says, whatever other fields there are', () => {
    const of = (...bytes: number[]): string =>
      servingStatus(Uint8Array.from([0, 0, 0, 0, bytes.length, ...bytes]));
    expect(of(8, 1)).toBe('SERVING');
    expect(of(8, 2)).toBe('NOT_SERVING');
    expect(of(8, 3)).toBe('SERVICE_UNKNOWN');
    expect(of()).toBe('UNKNOWN');
    expect(of(8, 0x81, 1)).toBe('UNKNOWN');
    expect(of(18, 2, 8, 1, 8, 1, 29, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x28, 0xff, 1)).toBe(
      'SERVING',
    );
    for (const broken of [
      [8],
      [8, 0x80],
      [18, 9, 1],
      [29, 1],
      [8, 1, 11],
      [8, ...Array<number>(11).fill(0x80)],
    ])
      expect(of(...broken)).toBe('nonsense');
    expect(servingStatus(Uint8Array.from([0, 0, 0, 0, 3, 8, 1]))).toBe('nonsense');
    expect(servingStatus(Uint8Array.from([1, 0, 0, 0, 2, 8, 1]))).toBe('nonsense');
  });

  it('comes to an end over any bytes, and well is only what has a field that says so', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const said = servingStatus(Uint8Array.from([0, 0, 0, 0, bytes.length, ...bytes]));
        const has = bytes.some((byte, i) => byte === 1 << 3 && ((bytes[i + 1] ?? 0) & 127) === 1);
        if (said === 'SERVING') expect(has).toBe(true);
      }),
    );
  });
});

describe('checks by gRPC', () => {
  const cleanup: (() => void)[] = [];
  afterEach(() => {
    for (const f of cleanup.splice(0)) f();
  });
  const probe = grpcProbe({
    clock: systemClock,
    random: seededRandom(1),
    reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
  });
  const ask = (port: number, service = '', timeoutMs = 2_000): Promise<ProbeResult> =>
    new Promise((resolve) =>
      probe(
        { ip: '127.0.0.1', port },
        { probe: { kind: 'grpc', service }, intervalMs: 1_000, timeoutMs, rise: 1, fall: 1 },
        resolve,
      ),
    );

  async function serve(
    onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer) => void,
  ): Promise<number> {
    const server = createServer();
    server.on('stream', (stream, headers) => {
      const pieces: Buffer[] = [];
      stream.on('error', () => {});
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => onStream(stream, headers, Buffer.concat(pieces)));
    });
    server.on('session', (session) => cleanup.push(() => session.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => void server.close());
    return (server.address() as AddressInfo).port;
  }

  const answer = (stream: ServerHttp2Stream, serving: number, status = '0'): void => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, serving]));
  };

  it('ask as gRPC does, and hear what the instance says of the service', async () => {
    const seen: [IncomingHttpHeaders, number[]][] = [];
    let serving = 1;
    const port = await serve((stream, headers, body) => {
      seen.push([headers, [...body]]);
      answer(stream, serving);
    });
    expect(await ask(port)).toEqual({ ok: true, reason: 'answered SERVING' });
    serving = 2;
    expect(await ask(port, 'ab')).toEqual({ ok: false, reason: 'answered NOT_SERVING' });
    expect(seen[0]?.[0]).toMatchObject({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      ':authority': `127.0.0.1:${port}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    expect(seen.map(([, body]) => body)).toEqual([
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 4, 10, 2, 97, 98],
    ]);
  });

  it('fail where the call fails: by its status, in the head or behind the message, or by that of HTTP', async () => {
    const unimplemented = await serve((stream) =>
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
        { endStream: true },
      ),
    );
    expect(await ask(unimplemented)).toEqual({ ok: false, reason: 'answered gRPC status 12' });
    const late = await serve((stream) => answer(stream, 1, '14'));
    expect(await ask(late)).toEqual({ ok: false, reason: 'answered gRPC status 14' });
    const none = await serve((stream) => {
      stream.respond({ ':status': 200 });
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
    });
    expect(await ask(none)).toEqual({ ok: false, reason: 'answered gRPC status none' });
    const lost = await serve((stream) => stream.respond({ ':status': 404 }, { endStream: true }));
    expect(await ask(lost)).toEqual({ ok: false, reason: 'answered 404' });
    const reset = await serve((stream) => stream.close(8));
    expect((await ask(reset)).reason).toContain('reset the HTTP/2 stream');
  });

  it('fail in time with what says nothing, something else, or is not there; a cancelled one says nothing', async () => {
    const silent = await serve(() => {});
    expect(await ask(silent, '', 100)).toEqual({ ok: false, reason: 'no result within 100 ms' });
    const other = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    expect(await ask(port)).toMatchObject({ ok: false });
    await new Promise((resolve) => other.close(resolve));
    expect((await ask(port)).reason).toContain('ECONNREFUSED');
    const closed = Promise.withResolvers<void>();
    const hung = await serve((stream) => {
      stream.session?.on('close', () => closed.resolve());
      cancel();
    });
    let said = 0;
    const cancel = probe(
      { ip: '127.0.0.1', port: hung },
      { probe: { kind: 'grpc', service: '' }, intervalMs: 1, timeoutMs: 9_000, rise: 1, fall: 1 },
      () => (said += 1),
    );
    await closed.promise;
    expect(said).toBe(0);
  });
});
