import { describe, expect, it } from 'vitest';
import { Admission } from '../forward/index.ts';
import { RequestParser } from '../http1/index.ts';
import { RequestView } from './request-view.ts';

describe('a request as routing looks at it', () => {
  function view(target: string, ...fields: string[]): RequestView {
    const parser = new RequestParser({ headBytes: 4096, lineBytes: 1024, fields: 20 });
    const text = [`PUT ${target} HTTP/1.1`, 'Host: A.test:80', ...fields, '', ''].join('\r\n');
    parser.parse(Buffer.from(text), 0, text.length);
    const admitted = new Admission(undefined).admit(parser);
    if (typeof admitted === 'string') throw new Error(admitted);
    return new RequestView(parser).of(admitted, 'https');
  }

  it('has host, path, listener and method', () => {
    expect(view('/a?b=1')).toMatchObject({ host: 'a.test', path: '/a', listener: 'https', method: 'PUT' });
  });

  it('joins header fields of one name', () => {
    const one = view('/', 'X-Version: 1', 'x-version: 2', 'X-Other: 3');
    expect([one.header('x-version'), one.header('x-none')]).toEqual(['1, 2', undefined]);
  });

  it('finds the first of a parameter of the query, decoded', () => {
    const one = view('/p?a=%20x&b&a=2');
    expect(['a', 'b', 'c'].map((name) => one.query(name))).toEqual([' x', '', undefined]);
    expect(view('/p').query('a')).toBeUndefined();
  });

  it('finds cookies, also in several fields', () => {
    const one = view('/', 'Cookie: a=1; b=x=y', 'Cookie: c=3; a=4');
    expect(['a', 'b', 'c', 'd'].map((name) => one.cookie(name))).toEqual(['1', 'x=y', '3', undefined]);
  });
});
