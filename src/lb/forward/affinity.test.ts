import { describe, expect, it } from 'vitest';
import { hashText } from '../balancer/index.ts';
import type { BackendPolicy } from '../balancer/index.ts';
import { RequestParser } from '../http1/index.ts';
import { readAffinity, stickyFields } from './affinity.ts';
import { Attempts } from './attempts.ts';

function read(policy: BackendPolicy, lines: readonly string[] = []): { key?: number; sticky?: string } {
  const head = Buffer.from(['GET /p?q HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n'));
  const parser = new RequestParser({ headBytes: 4_096, lineBytes: 1_024, fields: 20 });
  expect(parser.parse(head, 0, head.length)).toBe(head.length);
  const request = { host: 'a', target: '/p?q', path: '/p', body: 0, upgrade: false };
  const into = new Attempts('GET', 0, undefined);
  readAffinity(policy, parser, request, { ip: '10.1.2.3', trusted: false, secure: false, port: 80 }, into);
  return {
    ...(into.hashKey === undefined ? {} : { key: into.hashKey }),
    ...(into.stickyKey === undefined ? {} : { sticky: into.stickyKey }),
  };
}

describe('what ties a request to an instance', () => {
  const sticky = { balance: 'p2c', sticky: { cookie: 'id' } } as const;

  it.each([
    ['a cookie', ['Cookie: id=abc'], 'abc'],
    ['among others', ['Cookie: a=1; id=abc; b=2'], 'abc'],
    ['in a second field', ['cookie: a=1', 'COOKIE: id=abc'], 'abc'],
    ['with blanks', ['Cookie: a=1;  id = abc '], 'abc'],
    ['the first of two', ['Cookie: id=one; id=two'], 'one'],
  ])('%s', (_name, lines, expected) => {
    expect(read(sticky, lines)).toEqual({ sticky: expected });
  });

  it('nothing where there is none, its name only ends alike, or nobody asks', () => {
    expect(read(sticky)).toEqual({});
    expect(read(sticky, ['Cookie: xid=abc; id', 'X-Cookie: id=abc'])).toEqual({});
    expect(read({ balance: 'p2c' }, ['Cookie: id=abc'])).toEqual({});
  });

  it('the hash of the client, the path, a field or a cookie', () => {
    const ring = (hash?: BackendPolicy['hash']): BackendPolicy => ({
      balance: 'ringhash',
      ...(hash && { hash }),
    });
    expect(read(ring())).toEqual({ key: hashText('10.1.2.3') });
    expect(read(ring({ of: 'path' }))).toEqual({ key: hashText('/p') });
    const lines = ['X-User: joe', 'Cookie: s=1'];
    expect(read(ring({ of: 'header', name: 'X-User' }), lines)).toEqual({ key: hashText('joe') });
    expect(read(ring({ of: 'cookie', name: 's' }), lines)).toEqual({ key: hashText('1') });
    expect(read(ring({ of: 'header', name: 'x-none' }), lines)).toEqual({});
  });

  it('is told the client where it did not bring the right key', () => {
    expect(stickyFields({ cookie: 'id' }, 'k', 'k')).toBe('');
    expect(stickyFields({ cookie: 'id' }, '', undefined)).toBe('');
    expect(stickyFields({ cookie: 'id', maxAgeSeconds: 9 }, 'k', 'old')).toBe(
      'Set-Cookie: id=k; Path=/; Max-Age=9; HttpOnly\r\nCache-Control: private\r\n',
    );
  });
});
