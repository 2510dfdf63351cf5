import { describe, expect, it } from 'vitest';
import { FAILED, INCOMPLETE, latin1Bytes, RequestParser } from '../http1/index.ts';
import { reasons } from '../reasons.ts';
import { Admission } from './admit.ts';

const parser = new RequestParser({ headBytes: 16_384, lineBytes: 8_192, fields: 100 });
const admission = new Admission(1_000_000);

/** The reason code, or `ok` with what forwarding would see. */
function judge(text: string): string {
  const bytes = latin1Bytes(text);
  const end = parser.parse(bytes, 0, bytes.length);
  if (end === INCOMPLETE) return 'incomplete';
  if (end === FAILED) return parser.error ?? '?';
  const admitted = admission.admit(parser);
  return typeof admitted === 'string' ? admitted : `ok ${admitted.host} ${admitted.target}`;
}

const H = 'Host: a.test\r\n';
const get = (fields: string): string => `GET / HTTP/1.1\r\n${H}${fields}\r\n`;
const line = (l: string): string => `${l}\r\n${H}\r\n`;
const post = (fields: string): string => `POST / HTTP/1.1\r\n${H}${fields}\r\n`;

/** Every case has a decided answer: the code of a refusal, or the way it goes on. */
const TABLE: readonly (readonly [string, string, string])[] = [
  // request line
  ['plain', line('GET /x?y=1 HTTP/1.1'), 'ok a.test /x?y=1'],
  ['HTTP/1.0', line('GET / HTTP/1.0'), 'ok a.test /'],
  ['HTTP/0.9', 'GET /\r\n\r\n', 'bad-request-line'],
  ['HTTP/2.0 on a plain socket', line('GET / HTTP/2.0'), 'bad-version'],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'unknown-method'],
  ['HTTP/1.2', line('GET / HTTP/1.2'), 'bad-version'],
  ['HTTP/11', line('GET / HTTP/11'), 'bad-request-line'],
  ['lower case version', line('GET / http/1.1'), 'bad-request-line'],
  ['double blank before the target', line('GET  / HTTP/1.1'), 'bad-request-line'],
  ['double blank before the version', line('GET /  HTTP/1.1'), 'bad-request-line'],
  ['blank after the version', line('GET / HTTP/1.1 '), 'bad-request-line'],
  ['tab as separator', line('GET\t/ HTTP/1.1'), 'bad-request-line'],
  ['leading blank', line(' GET / HTTP/1.1'), 'bad-request-line'],
  ['leading bare LF', `\n${get('')}`, 'bare-lf'],
  ['unknown method', line('FROB / HTTP/1.1'), 'unknown-method'],
  ['lower case method', line('get / HTTP/1.1'), 'unknown-method'],
  ['TRACE', line('TRACE / HTTP/1.1'), 'method-refused'],
  ['CONNECT', line('CONNECT a.test:80 HTTP/1.1'), 'method-refused'],
  ['bare LF after the request line', `GET / HTTP/1.1\n${H}\r\n`, 'bare-lf'],
  ['too long a line', line(`GET /${'x'.repeat(9000)} HTTP/1.1`), 'line-too-long'],
  ['a line that is one byte too long', line(`GET /${'x'.repeat(8_193 - 16)} HTTP/1.1`), 'line-too-long'],
  // target
  ['absolute form, same host', line('GET http://A.test:80/x HTTP/1.1'), 'ok a.test /x'],
  ['absolute form without a path', line('GET http://a.test?q HTTP/1.1'), 'ok a.test /?q'],
  ['absolute form, another host', line('GET http://b.test/ HTTP/1.1'), 'host-mismatch'],
  ['absolute form with user', line('GET http://u@a.test/ HTTP/1.1'), 'host-mismatch'],
  ['absolute form, https', line('GET https://a.test/ HTTP/1.1'), 'bad-target'],
  ['fragment', line('GET /x#y HTTP/1.1'), 'fragment-in-target'],
  ['fragment in the query', line('GET /x?y#z HTTP/1.1'), 'fragment-in-target'],
  ['no leading slash', line('GET x HTTP/1.1'), 'bad-target'],
  ['asterisk with GET', line('GET * HTTP/1.1'), 'bad-target'],
  ['asterisk with OPTIONS', line('OPTIONS * HTTP/1.1'), 'ok a.test *'],
  ['dot segments', line('GET /a/../../etc HTTP/1.1'), 'ambiguous-path'],
  ['a final dot segment', line('GET /a/.. HTTP/1.1'), 'ambiguous-path'],
  ['a single dot segment', line('GET /./a HTTP/1.1'), 'ambiguous-path'],
  ['encoded dots', line('GET /a/%2e%2E/etc HTTP/1.1'), 'ambiguous-path'],
  ['dots before an encoded slash', line('GET /a/..%2fetc HTTP/1.1'), 'ambiguous-path'],
  ['dots before an encoded backslash', line('GET /a/..%5Cetc HTTP/1.1'), 'ambiguous-path'],
  ['dots with a parameter', line('GET /a/..;x=1/etc HTTP/1.1'), 'ambiguous-path'],
  ['encoded NUL', line('GET /a%00 HTTP/1.1'), 'ambiguous-path'],
  [
    'dots in names',
    line('GET /.well-known/a..b/...?x=/../ HTTP/1.1'),
    'ok a.test /.well-known/a..b/...?x=/../',
  ],
  ['encoded slash in a name', line('GET /group%2Fproject HTTP/1.1'), 'ok a.test /group%2Fproject'],
  ['backslash in the path', line('GET /a\\..\\b HTTP/1.1'), 'backslash-in-path'],
  ['backslash in the query', line('GET /?a=\\ HTTP/1.1'), 'ok a.test /?a=\\'],
  ['bytes above ASCII', line('GET /\xe4 HTTP/1.1'), 'bad-request-line'],
  ['control character in the target', line('GET /\x01 HTTP/1.1'), 'bad-request-line'],
  // host
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 'host-missing'],
  ['no Host with HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', 'host-missing'],
  ['two Hosts', get('Host: b.test\r\n'), 'host-duplicate'],
  ['two equal Hosts', get(H), 'host-duplicate'],
  ['empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 'bad-host'],
  ['Host with slash', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 'bad-host'],
  ['Host with at', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 'bad-host'],
  ['Host with a list', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 'bad-host'],
  ['Host with a bad port', 'GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n', 'bad-host'],
  ['Host with port and final dot', 'GET / HTTP/1.1\r\nHost: A.Test.:8000\r\n\r\n', 'ok a.test /'],
  ['Host as an IPv6 address', 'GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', 'ok [::1] /'],
  // field syntax
  ['bare LF in fields', 'GET / HTTP/1.1\r\nHost: a.test\n\r\n', 'bare-lf'],
  ['bare CR in a value', get('A: b\rc\r\n'), 'bad-field-value'],
  ['NUL in a value', get('A: b\0c\r\n'), 'bad-field-value'],
  ['control character in a value', get('A: b\x01c\r\n'), 'bad-field-value'],
  ['folded field', get('A: b\r\n c\r\n'), 'folded-field'],
  ['blank before the first field', 'GET / HTTP/1.1\r\n Host: a.test\r\n\r\n', 'folded-field'],
  ['blank before the colon', get('A : b\r\n'), 'space-before-colon'],
  ['empty name', get(': b\r\n'), 'bad-field-name'],
  ['no colon', get('Ab\r\n'), 'bad-field-name'],
  ['name with a slash', get('A/b: c\r\n'), 'bad-field-name'],
  ['101 fields', get('A: b\r\n'.repeat(100)), 'too-many-fields'],
  ['100 fields', get('A: b\r\n'.repeat(99)), 'ok a.test /'],
  ['17 KB of fields', get(`A: ${'b'.repeat(17_000)}\r\n`), 'head-too-large'],
  // framing
  [
    'length and transfer encoding',
    post('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'),
    'length-and-transfer-encoding',
  ],
  [
    'the other way round',
    post('Transfer-Encoding: chunked\r\nContent-Length: 1\r\n'),
    'length-and-transfer-encoding',
  ],
  ['two lengths', post('Content-Length: 1\r\nContent-Length: 2\r\n'), 'duplicate-content-length'],
  ['two equal lengths', post('Content-Length: 1\r\nContent-Length: 1\r\n'), 'duplicate-content-length'],
  ['a list of lengths', post('Content-Length: 1, 1\r\n'), 'bad-content-length'],
  ['signed length', post('Content-Length: +1\r\n'), 'bad-content-length'],
  ['negative length', post('Content-Length: -1\r\n'), 'bad-content-length'],
  ['hexadecimal length', post('Content-Length: 0x1\r\n'), 'bad-content-length'],
  ['empty length', post('Content-Length:\r\n'), 'bad-content-length'],
  ['length beyond doubles', post('Content-Length: 18446744073709551617\r\n'), 'bad-content-length'],
  ['length beyond the limit', post('Content-Length: 1000001\r\n'), 'body-too-large'],
  ['length at the limit', post('Content-Length: 1000000\r\n'), 'ok a.test /'],
  ['chunked', post('Transfer-Encoding: chunked\r\n'), 'ok a.test /'],
  ['CHUNKED', post('Transfer-Encoding: CHUNKED\r\n'), 'ok a.test /'],
  ['gzip, chunked', post('Transfer-Encoding: gzip, chunked\r\n'), 'bad-transfer-encoding'],
  ['identity, chunked', post('Transfer-Encoding: identity, chunked\r\n'), 'bad-transfer-encoding'],
  [
    'chunked twice',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
    'bad-transfer-encoding',
  ],
  ['quoted chunked', post('Transfer-Encoding: "chunked"\r\n'), 'bad-transfer-encoding'],
  ['xchunked', post('Transfer-Encoding: xchunked\r\n'), 'bad-transfer-encoding'],
  ['chunked with a parameter', post('Transfer-Encoding: chunked;a=b\r\n'), 'bad-transfer-encoding'],
  ['chunked with a tab behind it', post('Transfer-Encoding: chunked\t\r\n'), 'bad-transfer-encoding'],
  ['chunked with a tab before it', post('Transfer-Encoding:\tchunked\r\n'), 'bad-transfer-encoding'],
  ['chunked with blanks around it', post('Transfer-Encoding:  chunked  \r\n'), 'ok a.test /'],
  ['length with a tab behind it', post('Content-Length: 1\t\r\n'), 'bad-content-length'],
  ['vertical tab before chunked', post('Transfer-Encoding: \x0bchunked\r\n'), 'bad-field-value'],
  [
    'transfer encoding on HTTP/1.0',
    `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n`,
    'transfer-encoding-on-http10',
  ],
  // what intermediaries say
  ['underscore alias', get('X_Forwarded_For: 1.2.3.4\r\n'), 'alias-field'],
  ['mixed alias', get('X-Forwarded_Host: b\r\n'), 'alias-field'],
  ['dotted alias', get('X.Real.IP: 1.2.3.4\r\n'), 'alias-field'],
  ['alias of a framing field', post('Content_Length: 5\r\n'), 'alias-field'],
  ['alias of Host', get('Transfer_Encoding: chunked\r\n'), 'alias-field'],
  ['a harmless underscore', get('My_Field: 1\r\n'), 'ok a.test /'],
  ['Connection names Host', get('Connection: close, Host\r\n'), 'connection-names-protected'],
  ['Connection names X-Forwarded-For', get('Connection: X-Forwarded-For\r\n'), 'connection-names-protected'],
  [
    'Connection names Content-Length',
    post('Connection: content-length\r\nContent-Length: 1\r\n'),
    'connection-names-protected',
  ],
  ['Connection names Authorization', get('Connection: Authorization\r\n'), 'connection-names-protected'],
  ['Connection names its own field', get('Connection: X-Mine\r\nX-Mine: 1\r\n'), 'ok a.test /'],
  ['Expect: 100-continue', post('Expect: 100-Continue\r\nContent-Length: 1\r\n'), 'ok a.test /'],
  ['another expectation', post('Expect: 200-ok\r\n'), 'bad-expectation'],
];

describe('the admission table', () => {
  it.each(TABLE)('%s', (_name, text, decision) => {
    expect(judge(text)).toBe(decision);
  });

  it('gives every refusal a status of the 4xx or 5xx kind', () => {
    for (const [, , decision] of TABLE) {
      if (decision.startsWith('ok ')) continue;
      const reason = (reasons as Record<string, { status: number; text: string }>)[decision];
      expect(reason?.status).toBeGreaterThanOrEqual(400);
    }
  });

  const upgrade = (fields: string, first = 'GET / HTTP/1.1'): boolean => {
    const bytes = latin1Bytes(`${first}\r\n${H}${fields}\r\n`);
    parser.parse(bytes, 0, bytes.length);
    const admitted = admission.admit(parser);
    if (typeof admitted === 'string') throw new Error(admitted);
    return admitted.upgrade;
  };

  it.each([
    ['a WebSocket', 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n', true],
    [
      'h2c goes on as HTTP/1.1',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n',
      false,
    ],
    ['a choice of protocols', 'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n', false],
    ['without Connection', 'Upgrade: websocket\r\n', false],
    ['with a body', 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n', false],
  ])('upgrade: %s', (_name, fields, expected) => {
    expect(upgrade(fields)).toBe(expected);
  });
});
