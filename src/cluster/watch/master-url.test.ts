import { expect, it } from 'vitest';
import { endpointOfOrigin, onHost } from './master-url.ts';

it('knows addresses of literals only', () => {
  expect(endpointOfOrigin('http://[::1]:5050')).toEqual({ ip: '::1', port: 5050 });
  expect(endpointOfOrigin('https://10.0.0.1')).toEqual({ ip: '10.0.0.1', port: 443 });
  expect(endpointOfOrigin('http://example.com:5050')).toBeUndefined();
  expect(onHost('http://10.0.0.1:5050', '::1')).toBe('http://[::1]:5050');
});
