import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { Backoff } from './backoff.ts';
import { endpointOfOrigin, locationOrigin, onHost, parseMaster } from './master-url.ts';

describe('masters', () => {
  it.each([
    ['10.0.0.1:5050', 'http://10.0.0.1:5050'],
    ['10.0.0.1', 'http://10.0.0.1:5050'],
    [' master.example.com:80 ', 'http://master.example.com'],
    ['[2001:db8::1]:6060', 'http://[2001:db8::1]:6060'],
    ['2001:db8::1', 'http://[2001:db8::1]:5050'],
    ['http://10.0.0.1', 'http://10.0.0.1'],
    ['https://10.0.0.1:5050/path', 'https://10.0.0.1:5050'],
    ['ftp://10.0.0.1', undefined],
    ['10.0.0.1:99999', undefined],
    ['10.0.0.1/x', undefined],
    ['', undefined],
    ['a b', undefined],
  ])('%j is %j', (text, origin) => {
    expect(parseMaster(text, false)).toBe(origin);
  });

  it('takes the scheme that is configured', () => {
    expect(parseMaster('10.0.0.1', true)).toBe('https://10.0.0.1:5050');
    expect(parseMaster('http://10.0.0.1', true)).toBe('http://10.0.0.1');
  });

  it('reads where a redirect leads', () => {
    expect(locationOrigin('//10.0.0.2:5050', 'https://10.0.0.1:5050')).toBe('https://10.0.0.2:5050');
    expect(locationOrigin('http://10.0.0.2:5050/api/v1', 'http://x')).toBe('http://10.0.0.2:5050');
    expect(locationOrigin('javascript:1', 'http://x')).toBeUndefined();
    expect(locationOrigin(undefined, 'http://x')).toBeUndefined();
  });

  it('knows addresses of literals only', () => {
    expect(endpointOfOrigin('http://[::1]:5050')).toEqual({ ip: '::1', port: 5050 });
    expect(endpointOfOrigin('https://10.0.0.1')).toEqual({ ip: '10.0.0.1', port: 443 });
    expect(endpointOfOrigin('http://example.com:5050')).toBeUndefined();
    expect(onHost('http://10.0.0.1:5050', '::1')).toBe('http://[::1]:5050');
  });
});

describe('backoff', () => {
  it('is quick first, grows to at most 5 s, and starts again after a good connection', () => {
    const backoff = new Backoff(seededRandom(1));
    const waits = Array.from({ length: 20 }, () => backoff.next(0));
    expect(waits[0]).toBeLessThanOrEqual(100);
    expect(waits[0]).toBeGreaterThanOrEqual(75);
    expect(Math.max(...waits)).toBeLessThanOrEqual(5000);
    expect(Math.min(...waits.slice(8))).toBeGreaterThanOrEqual(3750);
    expect(backoff.next(4_999)).toBeGreaterThan(3000);
    expect(backoff.next(5_000)).toBeLessThanOrEqual(100);
  });
});
