import { describe, expect, it } from 'vitest';
import { block, frame, GET, POST } from '../testing/peer.ts';
import { MemoryServer, ok } from '../testing/memory-server.ts';

const END = 1;
const END_HEADERS = 4;
const headers = (stream: number, fields: Parameters<typeof block>[0], flags = END_HEADERS | END): Buffer =>
  frame(1, flags, stream, block(fields));
const data = (stream: number, payload: string, end = false): Buffer =>
  frame(0, end ? END : 0, stream, payload);

describe('requests become HTTP/1.1', () => {
  const headOf = (...frames: readonly Buffer[]): string => {
    const server = new MemoryServer({ answer: ok }).send(...frames);
    return server.requests[0] === undefined ? server.log.lines().join('; ') : server.requests[0].head;
  };

  it.each<[string, Record<string, string> | [string, string][], string]>([
    ['a plain GET', GET, 'GET / HTTP/1.1\r\nhost: a.test\r\n\r\n'],
    ['fields', { ...GET, 'x-a': 'b' }, 'GET / HTTP/1.1\r\nhost: a.test\r\nx-a: b\r\n\r\n'],
    [
      'Host instead of :authority',
      { ':method': 'GET', ':scheme': 'http', ':path': '/', host: 'h' },
      'GET / HTTP/1.1\r\nhost: h\r\n\r\n',
    ],
    [
      'Host that repeats :authority',
      { ...GET, host: 'A.test', x: '1' },
      'GET / HTTP/1.1\r\nhost: a.test\r\nx: 1\r\n\r\n',
    ],
    [
      'cookies in crumbs',
      [...Object.entries(GET), ['cookie', 'a=1'], ['x', 'y'], ['cookie', 'b=2']],
      'GET / HTTP/1.1\r\nhost: a.test\r\ncookie: a=1; b=2\r\nx: y\r\n\r\n',
    ],
    ['POST without a body', POST, 'POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 0\r\n\r\n'],
    [
      'OPTIONS *',
      { ...GET, ':method': 'OPTIONS', ':path': '*' },
      'OPTIONS * HTTP/1.1\r\nhost: a.test\r\n\r\n',
    ],
    ['CONNECT', { ':method': 'CONNECT', ':authority': 'a:1' }, 'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n'],
    ['te: trailers', { ...GET, te: 'trailers' }, 'GET / HTTP/1.1\r\nhost: a.test\r\nte: trailers\r\n\r\n'],
  ])('%s', (_, fields, wanted) => {
    expect(headOf(headers(1, fields))).toBe(wanted);
  });

  it.each<[string, Record<string, string> | [string, string][]]>([
    ['no :method', { ':scheme': 'http', ':path': '/', ':authority': 'a' }],
    ['no :scheme', { ':method': 'GET', ':path': '/', ':authority': 'a' }],
    ['no :path', { ':method': 'GET', ':scheme': 'http', ':authority': 'a' }],
    ['an empty :path', { ...GET, ':path': '' }],
    ['a path that is none', { ...GET, ':path': 'a' }],
    ['* for GET', { ...GET, ':path': '*' }],
    ['a blank in the path', { ...GET, ':path': '/ HTTP/1.1' }],
    ['a line end in the path', { ...GET, ':path': '/\r\nx: y' }],
    ['a blank in the method', { ...GET, ':method': 'GET /' }],
    ['a blank in the authority', { ...GET, ':authority': 'a b' }],
    ['an empty authority', { ...GET, ':authority': '' }],
    ['another scheme', { ...GET, ':scheme': 'ftp' }],
    ['a pseudo-header twice', [...Object.entries(GET), [':path', '/b']]],
    [
      'a pseudo-header behind a field',
      [
        [':method', 'GET'],
        ['x', 'y'],
        [':scheme', 'http'],
        [':path', '/'],
      ],
    ],
    [':status in a request', { ...GET, ':status': '200' }],
    ['an unknown pseudo-header', { ...GET, ':x': 'y' }],
    ['an upper-case name', { ...GET, Xa: 'y' }],
    ['connection', { ...GET, connection: 'x' }],
    ['keep-alive', { ...GET, 'keep-alive': '1' }],
    ['proxy-connection', { ...GET, 'proxy-connection': 'x' }],
    ['transfer-encoding', { ...GET, 'transfer-encoding': 'chunked' }],
    ['upgrade', { ...GET, upgrade: 'h2c' }],
    ['te other than trailers', { ...GET, te: 'gzip' }],
    ['CR LF in a value', { ...GET, x: 'a\r\nb: c' }],
    ['NUL in a value', { ...GET, x: 'a\0' }],
    ['a blank in a name', { ...GET, 'x y': 'a' }],
    ['a colon in a name', { ...GET, 'x:y': 'a' }],
    ['Host that contradicts :authority', { ...GET, host: 'b.test' }],
    ['Host twice', [...Object.entries(GET), ['host', 'a.test'], ['host', 'a.test']]],
    ['Content-Length twice', [...Object.entries(POST), ['content-length', '0'], ['content-length', '0']]],
    ['Content-Length that is no number', { ...POST, 'content-length': '+1' }],
    ['Content-Length of a body that does not come', { ...POST, 'content-length': '5' }],
    ['CONNECT with a path', { ...GET, ':method': 'CONNECT' }],
    [':protocol without CONNECT', { ...GET, ':protocol': 'websocket' }],
    [':protocol that is not known', { ...GET, ':method': 'CONNECT', ':protocol': 'x' }],
  ])('refuses %s as malformed', (_, fields) => {
    expect(headOf(headers(1, fields))).toBe('RST_STREAM 1 1');
  });

  it('a body of known length goes on as it is, with the head', () => {
    const server = new MemoryServer({ answer: ok });
    server.send(
      headers(1, { ...POST, 'content-length': '5' }, END_HEADERS),
      data(1, 'hel'),
      data(1, 'lo', true),
    );
    expect(server.requests).toMatchObject([
      { body: 'hello', head: 'POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 5\r\n\r\n' },
    ]);
  });

  it('a body that is there at once gets its length, a later one is chunked', () => {
    const server = new MemoryServer({ answer: ok });
    server.send(headers(1, POST, END_HEADERS), data(1, 'hel'), data(1, 'lo', true));
    server
      .send(headers(3, POST, END_HEADERS))
      .send(data(3, 'hel'))
      .send(data(3, 'lo'))
      .send(data(3, '', true));
    expect(server.requests.map((r) => [r.body, r.head.split('\r\n')[2]])).toEqual([
      ['hello', 'content-length: 5'],
      ['hello', 'transfer-encoding: chunked'],
    ]);
  });

  it('trailers become trailers', () => {
    const server = new MemoryServer({ answer: ok });
    server.send(headers(1, POST, END_HEADERS), data(1, 'a'), headers(1, { 'x-sum': '1' }));
    server
      .send(headers(3, POST, END_HEADERS))
      .send(data(3, 'a'))
      .send(headers(3, { 'x-sum': '2' }));
    expect(server.requests.map((r) => [r.body, r.trailers])).toEqual([
      ['a', 'x-sum: 1\r\n\r\n'],
      ['a', 'x-sum: 2\r\n\r\n'],
    ]);
  });

  it.each<[string, Buffer[]]>([
    [
      'more than Content-Length',
      [headers(1, { ...POST, 'content-length': '2' }, END_HEADERS), data(1, 'abc')],
    ],
    [
      'less than Content-Length',
      [headers(1, { ...POST, 'content-length': '2' }, END_HEADERS), data(1, 'a', true)],
    ],
    [
      'less, and trailers',
      [headers(1, { ...POST, 'content-length': '2' }, END_HEADERS), data(1, 'a'), headers(1, { a: 'b' })],
    ],
    ['a pseudo-header in trailers', [headers(1, POST, END_HEADERS), headers(1, { ':path': '/' })]],
    ['framing in trailers', [headers(1, POST, END_HEADERS), headers(1, { 'content-length': '1' })]],
    ['trailers that do not end it', [headers(1, POST, END_HEADERS), headers(1, { a: 'b' }, END_HEADERS)]],
  ])('%s costs the stream, and its handler is told', (_, frames) => {
    const server = new MemoryServer({ answer: ok });
    for (const one of frames) server.send(one);
    expect(server.log.lines()).toEqual(['RST_STREAM 1 1']);
    expect(server.responders[0]?.closed?.error).toMatchObject({ code: 'LB_HTTP2_PROTOCOL' });
    expect(server.requests).toEqual([]);
  });
});

describe('answers become HTTP/2', () => {
  const answer = (text: string, fields: Record<string, string> = GET): string[] => {
    const server = new MemoryServer().send(headers(1, fields));
    server.say(0, text);
    return server.log.lines();
  };

  it.each<[string, string, string[]]>([
    [
      'a length',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      ['HEADERS 1 :status=200 content-length=2', 'DATA 1 "ok" END'],
    ],
    ['no body', 'HTTP/1.1 204 No Content\r\nX: y\r\n\r\n', ['HEADERS 1 :status=204 x=y END']],
    [
      'length 0',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      ['HEADERS 1 :status=200 content-length=0 END'],
    ],
    [
      'chunks, which come together in one frame',
      'HTTP/1.1 404 \r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n',
      ['HEADERS 1 :status=404', 'DATA 1 "abc" END'],
    ],
    [
      'an empty chunked body',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ['HEADERS 1 :status=200 END'],
    ],
    [
      'trailers',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nGrpc-Status: 0\r\n\r\n',
      ['HEADERS 1 :status=200', 'DATA 1 "a"', 'HEADERS 1 grpc-status=0 END'],
    ],
    [
      'trailers alone',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGrpc-Status: 5\r\n\r\n',
      ['HEADERS 1 :status=200', 'HEADERS 1 grpc-status=5 END'],
    ],
    [
      'a gRPC answer of a head alone',
      'HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nGrpc-Status: 12\r\nContent-Length: 0\r\n\r\n',
      ['HEADERS 1 :status=200 content-type=application/grpc grpc-status=12 END'],
    ],
    [
      'interim answers',
      'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      ['HEADERS 1 :status=103 link=a', 'HEADERS 1 :status=200 content-length=0 END'],
    ],
    [
      'fields of the connection',
      'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n',
      ['HEADERS 1 :status=200 content-length=0 END'],
    ],
    ['what is no HTTP', 'nonsense\r\n\r\n', ['RST_STREAM 1 2']],
    [
      'an upgrade that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
      ['RST_STREAM 1 2'],
    ],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na', ['RST_STREAM 1 2']],
    [
      'more than its length',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab',
      ['HEADERS 1 :status=200 content-length=1', 'DATA 1 "a" END'],
    ],
  ])('%s', (_, text, wanted) => {
    expect(answer(text)).toEqual(wanted);
  });

  it('HEAD has the length, and no body', () => {
    expect(answer('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', { ...GET, ':method': 'HEAD' })).toEqual([
      'HEADERS 1 :status=200 content-length=9 END',
    ]);
  });

  it('a body until the close ends with the stream', () => {
    const server = new MemoryServer().send(headers(1, GET));
    server.say(0, 'HTTP/1.1 200 OK\r\n\r\nabc');
    server.requests[0]?.transport.end();
    server.settle();
    expect(server.log.lines()).toEqual(['HEADERS 1 :status=200', 'DATA 1 "abc"', 'DATA 1 "" END']);
    expect(server.responders[0]?.closed).toEqual({ error: undefined });
  });

  it('a body that breaks off is a reset', () => {
    const server = new MemoryServer().send(headers(1, GET));
    server.say(0, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
    server.requests[0]?.transport.destroy(new Error('cut'));
    server.settle();
    expect(server.log.lines().at(-1)).toBe('RST_STREAM 1 2');
    expect(server.responders[0]?.closed?.error?.message).toBe('cut');
  });

  it('an answer before the end of the request stops the request without harm', () => {
    // A responder waits for the whole of a request: so it is one here that does not read bodies at all.
    const server = new MemoryServer();
    server.send(headers(1, { ...POST, expect: '100-continue', 'content-length': '0' }, END_HEADERS));
    server.say(0, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    server.requests[0]?.transport.end();
    server.settle();
    expect(server.log.lines()).toEqual(['HEADERS 1 :status=403 content-length=0 END', 'RST_STREAM 1 0']);
    expect(server.responders[0]?.closed).toEqual({ error: undefined });
    server.send(data(1, ''), data(1, 'late', true));
    expect(server.log.lines()).toEqual([]);
  });

  it('serves streams one after the other on one transport, side by side on several', () => {
    const server = new MemoryServer({ answer: ok });
    for (let i = 0; i < 10; i++) server.send(headers(1 + 2 * i, GET));
    expect(server.responders.length).toBe(1);
    server.send(headers(21, GET), headers(23, GET), headers(25, GET));
    expect(server.requests.length).toBe(13);
    expect(server.responders.length).toBe(3);
    const slow = new MemoryServer().send(headers(1, GET), headers(3, GET));
    expect(slow.responders.length).toBe(2);
    slow.say(1, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb');
    slow.say(0, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na');
    expect(slow.log.lines()).toEqual([
      'HEADERS 3 :status=200 content-length=1',
      'DATA 3 "b" END',
      'HEADERS 1 :status=200 content-length=1',
      'DATA 1 "a" END',
    ]);
  });

  it('what one round writes leaves in one send', () => {
    const server = new MemoryServer({ answer: ok });
    const before = server.transport.writes;
    server.send(headers(1, GET), headers(3, GET), headers(5, GET));
    expect(server.transport.writes - before).toBe(1);
  });
});
