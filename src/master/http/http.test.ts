import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptedType } from '../../core/http/v1-calls.ts';
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

const JSON_FORM = 'application/json';
const PROTOBUF = 'application/x-protobuf';

describe('Accept', () => {
  it.each([
    [undefined, JSON_FORM],
    ['', undefined],
    ['*/*', JSON_FORM],
    ['application/*;q=0.5', JSON_FORM],
    ['text/html, application/json;q=0.1', JSON_FORM],
    ['application/json;q=0', undefined],
    ['application/json;q=0, */*', JSON_FORM],
    ['application/json;q=0, application/x-protobuf', PROTOBUF],
    ['application/x-protobuf, application/json;q=0.1', JSON_FORM],
    ['application/x-protobuf', PROTOBUF],
    ['application/x-protobuf;q=0.0', undefined],
    ['text/html', undefined],
  ])('%j: %s', (header, accepted) => {
    expect(acceptedType(header)).toBe(accepted);
  });

  it('an API without protobuf gives JSON or nothing', () => {
    expect(acceptedType('application/x-protobuf', false)).toBeUndefined();
    expect(acceptedType('*/*', false)).toBe(JSON_FORM);
  });
});
