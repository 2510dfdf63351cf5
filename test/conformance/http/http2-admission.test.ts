import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { block, frame, GET, POST } from '../../../src/lb/http2/testing/peer.ts';
import { ENGINES, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { converseHttp2 } from './support/http2.ts';
import { report } from './support/report.ts';

// L1 and L2 over HTTP/2 towards HTTP/1.1: every odd request has a decided answer, by frames of our own making; what is refused
// reaches no instance, and what is passed on arrives as the one request that it was.

type Fields = Readonly<Record<string, string>> | readonly (readonly [string, string])[];
const pairs = (fields: Fields): (readonly [string, string])[] =>
  Array.isArray(fields) ? [...fields] : Object.entries(fields as Record<string, string>);
const get = (more: Fields = []): Buffer => frame(1, 5, 1, block([...Object.entries(GET), ...pairs(more)]));
const plain = (fields: Fields): Buffer => frame(1, 5, 1, block(pairs(fields)));
const post = (more: Fields, ...rest: readonly Buffer[]): Buffer =>
  Buffer.concat([frame(1, 4, 1, block([...Object.entries(POST), ...pairs(more)])), ...rest]);
const data = (text: string, end = true): Buffer => frame(0, end ? 1 : 0, 1, text);
const trailers = (fields: Fields): Buffer => frame(1, 5, 1, block(pairs(fields)));
const without = (name: string): (readonly [string, string])[] =>
  Object.entries(GET).filter(([key]) => key !== name);
const withPath = (path: string): Buffer => plain({ ...GET, ':path': path });

/** `RST n`: reset with that code; a number: the status of our own answer; `ok`: what the instance sees. */
const CASES: readonly (readonly [name: string, frames: Buffer, decision: string])[] = [
  ['a plain GET', get(), 'ok GET / a.test ""'],
  ['a POST with its length', post({ 'content-length': '5' }, data('hello')), 'ok POST / a.test "hello"'],
  ['a POST without a length', post({}, data('hel', false), data('lo')), 'ok POST / a.test "hello"'],
  ['Host that repeats the authority', get({ host: 'A.test' }), 'ok GET / a.test ""'],
  ['te: trailers', get({ te: 'trailers' }), 'ok GET / a.test ""'],
  ['trailers', post({}, data('x', false), trailers({ 'x-sum': '1' })), 'ok POST / a.test "x"'],
  [
    'a body that looks like a request',
    post({}, data('GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n')),
    'ok POST / a.test "GET /smuggled HTTP/1.1\\r\\nHost: a.test\\r\\n\\r\\n"',
  ],
  [
    'a body that looks like chunks',
    post({}, data('0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n')),
    'ok POST / a.test "0\\r\\n\\r\\nGET /smuggled HTTP/1.1\\r\\n\\r\\n"',
  ],
  // pseudo-header fields
  ['no method', plain(without(':method')), 'RST 1'],
  ['no scheme', plain(without(':scheme')), 'RST 1'],
  ['no path', plain(without(':path')), 'RST 1'],
  ['no authority and no Host', plain(without(':authority')), '400'],
  ['two methods', get([[':method', 'POST']]), 'RST 1'],
  ['two paths', get([[':path', '/b']]), 'RST 1'],
  ['two authorities', get([[':authority', 'b.test']]), 'RST 1'],
  ['two schemes', get([[':scheme', 'https']]), 'RST 1'],
  ['a pseudo-header behind a field', plain([['a', 'b'], ...Object.entries(GET)]), 'RST 1'],
  [':status in a request', get([[':status', '200']]), 'RST 1'],
  ['an unknown pseudo-header', get([[':unknown', '1']]), 'RST 1'],
  [':protocol without CONNECT', get([[':protocol', 'websocket']]), 'RST 1'],
  ['another authority than Host', get({ host: 'b.test' }), 'RST 1'],
  [
    'two Hosts',
    get([
      ['host', 'a.test'],
      ['host', 'a.test'],
    ]),
    'RST 1',
  ],
  ['a scheme of its own', plain({ ...GET, ':scheme': 'ftp' }), 'RST 1'],
  [
    'a method with a blank',
    plain({ ...GET, ':method': 'GET /x HTTP/1.1\r\nHost: a.test\r\n\r\nGET' }),
    'RST 1',
  ],
  ['an unknown method', plain({ ...GET, ':method': 'FROB' }), '501'],
  ['TRACE', plain({ ...GET, ':method': 'TRACE' }), '405'],
  ['an empty path', withPath(''), 'RST 1'],
  ['a path with a blank', withPath('/a b'), 'RST 1'],
  ['a path that ends the line', withPath('/ HTTP/1.1\r\nHost: b.test\r\n\r\nGET /smuggled'), 'RST 1'],
  ['a path with NUL', withPath('/\0'), 'RST 1'],
  ['a path above ASCII', withPath('/\xe4'), 'RST 1'],
  ['a path without a slash', withPath('x'), 'RST 1'],
  ['a path in absolute form', withPath('http://b.test/'), 'RST 1'],
  ['an asterisk with GET', withPath('*'), 'RST 1'],
  ['a path with dot segments', withPath('/a/../b'), '400'],
  ['a path with a fragment', withPath('/a#b'), '400'],
  ['a path with a backslash', withPath('/a\\b'), '400'],
  ['an authority with a blank', plain({ ...GET, ':authority': 'a.test b' }), 'RST 1'],
  ['an authority with a line end', plain({ ...GET, ':authority': 'a.test\r\nX: y' }), 'RST 1'],
  ['an authority with user', plain({ ...GET, ':authority': 'u@a.test' }), '400'],
  ['an authority with a path', plain({ ...GET, ':authority': 'a.test/x' }), '400'],
  // names and values
  ['a name in upper case', get({ 'X-A': '1' }), 'RST 1'],
  ['an empty name', get({ '': '1' }), 'RST 1'],
  ['a name with a blank', get({ 'a b': '1' }), 'RST 1'],
  ['a name with a colon', get({ 'a:b': '1' }), 'RST 1'],
  ['a name with a line end', get({ 'a\r\nb': '1' }), 'RST 1'],
  ['CR LF in a value', get({ a: 'b\r\nc: d' }), 'RST 1'],
  ['LF in a value', get({ a: 'b\nc: d' }), 'RST 1'],
  ['CR in a value', get({ a: 'b\rc' }), 'RST 1'],
  ['NUL in a value', get({ a: 'b\0c' }), 'RST 1'],
  ['a blank before a value', get({ a: ' b' }), 'RST 1'],
  ['a blank behind a value', get({ a: 'b ' }), 'RST 1'],
  ['an alias of a field we set', get({ x_forwarded_for: '1.2.3.4' }), '400'],
  // framing and what belongs to one connection
  ['connection', get({ connection: 'close' }), 'RST 1'],
  ['keep-alive', get({ 'keep-alive': '1' }), 'RST 1'],
  ['proxy-connection', get({ 'proxy-connection': 'close' }), 'RST 1'],
  ['upgrade', get({ upgrade: 'websocket' }), 'RST 1'],
  ['transfer-encoding', post({ 'transfer-encoding': 'chunked' }, data('0\r\n\r\n')), 'RST 1'],
  ['te: gzip', get({ te: 'gzip' }), 'RST 1'],
  ['less than its length', post({ 'content-length': '6' }, data('hello')), 'RST 1'],
  ['more than its length', post({ 'content-length': '4' }, data('hello')), 'RST 1'],
  ['a length and no body', get({ 'content-length': '5' }), 'RST 1'],
  [
    'two lengths',
    post(
      [
        ['content-length', '5'],
        ['content-length', '5'],
      ],
      data('hello'),
    ),
    'RST 1',
  ],
  ['a list of lengths', post({ 'content-length': '5, 5' }, data('hello')), 'RST 1'],
  ['a signed length', post({ 'content-length': '+5' }, data('hello')), 'RST 1'],
  ['an empty length', post({ 'content-length': '' }, data('hello')), 'RST 1'],
  ['a pseudo-header in trailers', post({}, data('x', false), trailers({ ':path': '/' })), 'RST 1'],
  ['a length in trailers', post({}, data('x', false), trailers({ 'content-length': '1' })), 'RST 1'],
  ['a name in upper case in trailers', post({}, data('x', false), trailers({ 'X-A': '1' })), 'RST 1'],
  ['a line end in trailers', post({}, data('x', false), trailers({ a: 'b\r\nc: d' })), 'RST 1'],
];

/** Send it on a connection of its own; what came of stream 1. */
async function decided(port: number, frames: Buffer): Promise<string> {
  const answers = await converseHttp2(port, frames, {
    quietMs: 20_000,
    enough: (so) => so.goaway !== undefined || so.of(1).status > 0 || so.of(1).reset !== undefined,
  });
  const { status, reset } = answers.of(1);
  if (status > 0) return `${status}`;
  if (reset !== undefined) return `RST ${reset}`;
  return answers.goaway === undefined ? `${answers.ended}` : `GOAWAY ${answers.goaway}`;
}

describe.each(ENGINES)('L1 over HTTP/2, engine %s', (engine) => {
  let edge: EdgeUnderTest;
  let origin: Server;
  const seen: string[] = [];

  beforeAll(async () => {
    origin = createServer((request, response) => {
      let body = '';
      request.setEncoding('latin1');
      request.on('data', (piece: string) => void (body += piece));
      request.on('error', () => {});
      request.on('end', () => {
        seen.push(`${request.method} ${request.url} ${request.headers.host} ${JSON.stringify(body)}`);
        response.end('seen');
      });
    });
    await new Promise<void>((resolve) => void origin.listen(0, '127.0.0.1', resolve));
    edge = await startEdge({
      engine,
      services: { '*': [`127.0.0.1:${(origin.address() as AddressInfo).port}`] },
    });
  });
  afterAll(async () => {
    await edge.close();
    origin.closeAllConnections();
    origin.close();
  });

  it(`${CASES.length} requests by hand-made frames`, async () => {
    const wrong: string[] = [];
    for (const [name, frames, decision] of CASES) {
      seen.length = 0;
      const said = await decided(edge.port, frames);
      const got = said === '200' ? `ok ${seen.join(' and ')}` : said;
      if (got !== decision) wrong.push(`${name}: ${got} instead of ${decision}`);
      else if (said !== '200' && seen.length > 0)
        wrong.push(`${name}: the instance saw ${seen.join(' and ')}`);
    }
    report('L1', `engine ${engine}, HTTP/2: ${CASES.length} requests, ${wrong.length} not as decided`);
    expect(wrong).toEqual([]);
  });
});
