import { describe, expect, it } from 'vitest';
import { masterOrigin, redirectOrigin } from './master-address.ts';

describe('masterOrigin', () => {
  it.each([
    ['10.0.0.1:5050', 'http://10.0.0.1:5050'],
    ['10.0.0.1', 'http://10.0.0.1:5050'],
    ['master', 'http://master:5050'],
    [' master.example.com:80 ', 'http://master.example.com'],
    ['[2001:db8::1]:6060', 'http://[2001:db8::1]:6060'],
    ['2001:db8::1', 'http://[2001:db8::1]:5050'],
    ['http://10.0.0.1', 'http://10.0.0.1'],
    ['https://10.0.0.1:5050/path', 'https://10.0.0.1:5050'],
    ['ftp://10.0.0.1', undefined],
    ['10.0.0.1:99999', undefined],
    ['10.0.0.1/x', undefined],
    ['http://', undefined],
    ['a:b:c', undefined],
    ['', undefined],
    ['a b', undefined],
  ])('%j is %j', (text, origin) => {
    expect(masterOrigin(text)).toBe(origin);
  });

  it('takes the scheme that is configured', () => {
    expect(masterOrigin('10.0.0.1', true)).toBe('https://10.0.0.1:5050');
    expect(masterOrigin('http://10.0.0.1', true)).toBe('http://10.0.0.1');
  });
});

describe('redirectOrigin', () => {
  it.each([
    ['//10.0.0.2:5050', 'https://10.0.0.2:5050'],
    ['//10.0.0.2:5051/api/v1/scheduler', 'https://10.0.0.2:5051'],
    ['http://10.0.0.2:5050/api/v1', 'http://10.0.0.2:5050'],
    ['javascript:1', undefined],
    ['file:///etc/passwd', undefined],
    ['//', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j', (location, origin) => {
    expect(redirectOrigin(location, 'https://10.0.0.1:5050')).toBe(origin);
  });
});
