import type { Random } from '../../src/core/random.ts';

export const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'GET /a/b?c=d&e=%20f HTTP/1.1\r\nHost: a.test:8080\r\nUser-Agent: curl/8\r\nAccept: */*\r\nCookie: a=b; c="d"\r\n\r\n',
  'HEAD http://a.test/x HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world',
  'PUT /x HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
  'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\nTrailer: X-T\r\n\r\nA;x=y;z="q r"\r\n0123456789\r\n00;a\r\nX-T: 1\r\nX-U:\t2 \r\n\r\n',
  'DELETE /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\nX-Empty:\r\nX-Odd_Name.1: \tv\x80\xff \r\n\r\n',
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Y\r\nX-Y: 1\r\nX-Forwarded-For: 1.2.3.4\r\nTE: trailers\r\n\r\n',
];
export const RESPONSES = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\n\r\nhello',
  'HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: "x"\r\n\r\n',
  'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nuntil the end',
  'HTTP/1.1 500 Oh \x80 no\r\nConnection: close\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n',
];
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0',
  '1',
  'f',
  '%2e',
  '/../',
  '#',
  '\\',
  '"',
  '\x80',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: b\r\n',
  ' HTTP/1.1\r\n',
  '0\r\n\r\n',
  '\r\n\r\n',
  'GET / HTTP/1.1\r\n',
  'X-Forwarded-For: 1\r\n',
  'Connection: close\r\n',
  '5\r\nhello\r\n',
  ';a=b',
  '=',
  'Upgrade: h2c\r\n',
];

/** One of the messages, changed in up to three places. */
export function mutate(seeds: readonly string[], random: Random): Buffer {
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
  let text = pick(seeds);
  for (let n = random.int(4); n > 0; n--) {
    const at = random.int(text.length + 1);
    const length = 1 + random.int(8);
    switch (random.int(6)) {
      case 0:
        text = text.slice(0, at) + pick(PIECES) + text.slice(at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at + length);
        break;
      case 2:
        text = text.slice(0, at) + String.fromCharCode(random.int(256)) + text.slice(at + 1);
        break;
      case 3:
        text = text.slice(0, at) + text.slice(Math.max(0, at - length * 4));
        break;
      case 4: {
        const other = pick(seeds);
        text = text.slice(0, at) + other.slice(random.int(other.length));
        break;
      }
      default: {
        const rows = text.split('\r\n');
        rows.splice(random.int(rows.length), 0, pick(rows));
        text = rows.join('\r\n');
      }
    }
  }
  return Buffer.from(text, 'latin1');
}
