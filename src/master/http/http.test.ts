import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptsJson } from './front-door.ts';
import { findRoute } from './routes.ts';

describe('routes', () => {
  const table = new Map(['state', 'metrics/snapshot', 'api/v1', 'api/v1/scheduler'].map((r) => [r, r]));
  it.each([
    ['/state', 'state'],
    ['/state/', 'state'],
    ['/master/state?x=%zz', 'state'],
    ['/m%61ster/state', 'state'],
    ['/state/deeper', 'state'],
    ['/api/v1/operator', 'api/v1'],
    ['/master/api/v1/', 'api/v1'],
    ['/api/v1?_ts=1', 'api/v1'],
    ['/api/v1/scheduler', 'api/v1/scheduler'],
    ['/api', undefined],
    ['/master', undefined],
    ['/', undefined],
    ['/state.json', undefined],
    ['/slave(1)/state', undefined],
  ])('%s leads to %s', (url, route) => {
    expect(findRoute(table, url)).toBe(route);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (url) => findRoute(table, url) !== 'nothing'));
  });
});

describe('Accept', () => {
  it.each([
    [undefined, true],
    ['', false],
    ['*/*', true],
    ['application/*;q=0.5', true],
    ['text/html, application/json;q=0.1', true],
    ['application/json;q=0', false],
    ['application/x-protobuf', false],
    ['text/html', false],
  ])('%j: %s', (header, accepted) => {
    expect(acceptsJson(header)).toBe(accepted);
  });
});
