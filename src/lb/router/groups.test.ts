import { describe, expect, it } from 'vitest';
import type { Service } from '../../cluster/index.ts';
import { serviceReader } from '../rules/index.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { RouteBook } from './route-book.ts';
import { chooseTarget } from './targets.ts';
import type { Route } from './types.ts';

const app = (name: string, options: Record<string, string>): Service =>
  service({
    name,
    labels: new Map(
      Object.entries({ host: 'a.test', group: 'web', ...options }).map(([k, v]) => [
        `rimrock.http.w.${k}`,
        v,
      ]),
    ),
    instances: [instance(1)],
  });

function bookOf(...services: readonly Service[]): RouteBook {
  const book = new RouteBook(['*'], serviceReader(['*']));
  book.apply({ added: services, changed: [], removed: [] });
  return book;
}

const onlyRoute = (book: RouteBook): Route => {
  const all = [...book.table.routes()];
  expect(all).toHaveLength(1);
  return all[0] as Route;
};
const shares = (route: Route): unknown => route.targets.map((t) => [t.serviceKey, t.weight]);

describe('rules of one group', () => {
  it('become one route with a target for each service', () => {
    const book = bookOf(app('old', { weight: '90' }), app('new', { weight: '10' }));
    expect(shares(onlyRoute(book))).toEqual([
      ['marathon/new', 10],
      ['marathon/old', 90],
    ]);
    expect(book.problems()).toEqual([]);
    expect(book.backendsOf('marathon/new').map((b) => b.key)).toEqual(['marathon/new#0']);
    expect(book.backendsOf('marathon/old').map((b) => b.key)).toEqual(['marathon/old#0']);
  });

  it('follow their services, and tell what changed', () => {
    const [old, young] = [app('old', {}), app('young', {})];
    const book = bookOf(old);
    const before = onlyRoute(book).id;
    const change = book.apply({ added: [young], changed: [], removed: [] });
    expect(change.gone).toEqual([before]);
    expect(change.come).toEqual([onlyRoute(book)]);
    expect([...change.services].sort()).toEqual(['marathon/old', 'marathon/young']);
    const heavier = app('young', { weight: '3' });
    book.apply({ added: [], changed: [{ before: young, after: heavier }], removed: [] });
    expect(shares(onlyRoute(book))).toEqual([
      ['marathon/old', 1],
      ['marathon/young', 3],
    ]);
    book.apply({ added: [], changed: [], removed: [old] });
    expect(shares(onlyRoute(book))).toEqual([['marathon/young', 3]]);
    expect(book.backendsOf('marathon/old')).toEqual([]);
    book.apply({ added: [], changed: [], removed: [heavier] });
    expect(book.table.size).toBe(0);
  });

  it('share only where they fit the same requests, within one framework', () => {
    const other = { ...app('c', {}), frameworkName: 'x', key: 'x/c' };
    const book = bookOf(app('a', {}), app('b', { pathPrefix: '/b' }), other);
    expect([...book.table.routes()].map((r) => r.serviceKey).sort()).toEqual([
      'marathon/a',
      'marathon/b',
      'x/c',
    ]);
    // Two services of two frameworks want the same host: that is a tie.
    expect(book.problems().map((p) => p.serviceKey)).toEqual(['marathon/a', 'x/c']);
  });

  it('that differ in what cannot be shared are told so', () => {
    const filter = { 'rimrock.middleware.m.ipFilter.deny': '10.0.0.1' };
    const b = app('b', { middlewares: 'm' });
    const book = bookOf(app('a', {}), { ...b, labels: new Map([...b.labels, ...Object.entries(filter)]) });
    expect(book.problems()).toMatchObject([{ serviceKey: 'marathon/b', reason: /middlewares/ }]);
  });
});

describe('choosing a target', () => {
  const route = onlyRoute(
    bookOf(
      app('a', { weight: '3' }),
      app('b', { weight: '1' }),
      app('c', { weight: '0', 'canary.header.X-Canary': 'yes' }),
      app('d', { weight: '0', 'canary.cookie.beta': '*' }),
      app('e', { weight: '0', 'canary.header.x-next': '*', 'canary.cookie.next': '1' }),
    ),
  );
  const choose = (
    draw: number,
    headers: Record<string, string> = {},
    cookies: Record<string, string> = {},
  ): string =>
    chooseTarget(route, draw, { header: (n) => headers[n], cookie: (n) => cookies[n] }).serviceKey.slice(-1);

  it('goes by weight', () => {
    const draws = Array.from({ length: 400 }, (_, i) => choose(i / 400));
    expect(draws.filter((t) => t === 'a')).toHaveLength(300);
    expect(draws.filter((t) => t === 'b')).toHaveLength(100);
  });

  it('goes by header and cookie before that', () => {
    expect(choose(0, { 'x-canary': 'yes' })).toBe('c');
    expect(choose(0, { 'x-canary': 'no' })).toBe('a');
    expect(choose(0, {}, { beta: '' })).toBe('d');
  });

  it('goes by either where a target has both', () => {
    expect(choose(0, { 'x-next': '' })).toBe('e');
    expect(choose(0, {}, { next: '1' })).toBe('e');
    expect(choose(0, { 'x-next': '' }, { next: '2' })).toBe('e');
    expect(choose(0, {}, { next: '2' })).toBe('a');
  });

  it('takes the first where all weights are 0', () => {
    const alone = onlyRoute(bookOf(app('a', { weight: '0' }), app('b', { weight: '0' })));
    expect(chooseTarget(alone, 0.9, {}).serviceKey).toBe('marathon/a');
  });
});
