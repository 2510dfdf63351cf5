import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareRules } from './order.ts';
import { RouteTable } from './table.ts';
import type { PathKind, Route, RouteQuery } from './types.ts';

let made = 0;

/** A route with as little as possible. */
function route(given: Partial<Route> & { readonly name?: string }): Route {
  const { name = `s${(made += 1)}`, ...rest } = given;
  const owner = { backendKey: `f/${name}#0`, serviceKey: `f/${name}`, portIndex: 0 };
  return {
    kind: 'match',
    id: `f/${name}:r/${given.host ?? '*'} ${given.pathKind ?? 'prefix'} ${given.path ?? ''}`,
    protocol: 'http',
    listeners: ['http'],
    host: '*',
    path: '',
    pathKind: 'prefix',
    priority: 0,
    weight: (given.path ?? '') === '' ? 0 : 1,
    ...owner,
    balance: 'p2c',
    targets: [{ ...owner, weight: 1 }],
    middlewares: [],
    source: [`rimrock.http.${name}`],
    ...rest,
  };
}

const table = (...routes: readonly Route[]): RouteTable => RouteTable.empty.with([], routes);

/** A request with header fields and parameters as objects. */
function request(given: {
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly listener?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly parameters?: Readonly<Record<string, string>>;
}): RouteQuery {
  const { host = 'a.test', path = '/', headers = {}, parameters = {}, ...rest } = given;
  return { host, path, ...rest, header: (n) => headers[n], query: (n) => parameters[n] };
}

const found = (t: RouteTable, query: RouteQuery): string => {
  const match = t.match(query);
  return match.kind === 'match' ? match.serviceKey.slice(2) : match.hostKnown ? '(path)' : '(host)';
};

describe('matchers', () => {
  const paths: readonly [PathKind, string, readonly string[], readonly string[]][] = [
    ['prefix', '/a', ['/a', '/ab', '/a/b'], ['/', '/b/a', '/A']],
    ['segments', '/a', ['/a', '/a/', '/a/b'], ['/ab', '/', '/b']],
    ['segments', '/a/', ['/a/', '/a/b'], ['/a', '/ab']],
    ['exact', '/a', ['/a'], ['/a/', '/ab', '/']],
    ['regex', '/u/[0-9]+', ['/u/1', '/u/42'], ['/u/', '/u/1/x', 'x/u/1']],
    ['regex', '(?i)/api(/.*)?', ['/API', '/api/x'], ['/apix']],
  ];
  it.each(paths)('path %s %s', (pathKind, path, yes, no) => {
    const t = table(route({ name: 'x', pathKind, path }));
    for (const p of yes) expect([p, found(t, request({ path: p }))]).toEqual([p, 'x']);
    for (const p of no) expect([p, found(t, request({ path: p }))]).toEqual([p, '(path)']);
  });

  it.each<[Partial<Route>, Parameters<typeof request>[0], boolean, string]>([
    [{ methods: ['GET', 'HEAD'] }, { method: 'HEAD' }, true, ''],
    [{ methods: ['GET'] }, { method: 'POST' }, false, 'method-differs method GET'],
    [{ methods: ['GET'] }, {}, false, 'method-differs method GET'],
    [{ headers: [{ name: 'x', equals: '1' }] }, { headers: { x: '1' } }, true, ''],
    [
      { headers: [{ name: 'x', equals: '1' }] },
      { headers: { x: '12' } },
      false,
      'header-differs header x = 1',
    ],
    [{ headers: [{ name: 'x' }] }, { headers: { x: '' } }, true, ''],
    [{ headers: [{ name: 'x' }] }, { headers: { y: '' } }, false, 'header-differs header x'],
    [{ headers: [{ name: 'x', regex: 'a+' }] }, { headers: { x: 'aaa' } }, true, ''],
    [
      { headers: [{ name: 'x', regex: 'a+' }] },
      { headers: { x: 'aab' } },
      false,
      'header-differs header x like a+',
    ],
    [{ query: [{ name: 'q', equals: '1' }] }, { parameters: { q: '1' } }, true, ''],
    [
      { query: [{ name: 'q', equals: '1' }] },
      { parameters: { q: '2' } },
      false,
      'query-differs query parameter q = 1',
    ],
    [{ query: [{ name: 'q' }] }, {}, false, 'query-differs query parameter q'],
  ])('%j of %j: %s', (given, asked, fits, why) => {
    const t = table(route({ name: 'x', ...given }));
    expect(found(t, request(asked))).toBe(fits ? 'x' : '(path)');
    const [trace] = t.explain(request(asked));
    if (fits) expect(trace?.outcome).toBe('chosen');
    else expect(`${trace?.outcome} ${trace?.detail}`).toBe(why);
  });

  it('a listener has only its own routes', () => {
    const t = table(
      route({ name: 'both', listeners: ['http', 'https'] }),
      route({ name: 'port', listeners: ['port:9000'], host: '*' }),
    );
    expect(t.listeners()).toEqual(['http', 'https', 'port:9000']);
    const at = (listener: string): string => found(t, request({ listener }));
    expect([at('http'), at('https'), at('port:9000'), at('port:1')]).toEqual([
      'both',
      'both',
      'port',
      '(host)',
    ]);
    expect([...t.routes()]).toHaveLength(2);
  });

  it('reads header fields and parameters only where a rule asks for them', () => {
    const t = table(
      route({ name: 'plain', host: 'plain.test' }),
      route({ name: 'picky', host: '*.picky.test', headers: [{ name: 'x' }] }),
    );
    const never = (): string => {
      throw new Error('was read');
    };
    expect(found(t, { host: 'plain.test', path: '/', header: never, query: never })).toBe('plain');
    expect(() => t.match({ host: 'a.picky.test', path: '/', header: never })).toThrow('was read');
    expect([t.looksFurther('plain.test'), t.looksFurther('a.picky.test')]).toEqual([false, true]);
  });
});

describe('order', () => {
  it('is priority, host, weight, kind and length of the path, conditions', () => {
    const t = table(
      route({ name: 'any' }),
      route({ name: 'acme', pathKind: 'segments', path: '/.well-known', priority: 5 }),
      route({ name: 'wild', host: '*.test' }),
      route({ name: 'wilder', host: '*.b.test' }),
      route({ name: 'host', host: 'a.test' }),
      route({ name: 'regex', host: 'a.test', pathKind: 'regex', path: '/.*' }),
      route({ name: 'prefix', host: 'a.test', pathKind: 'segments', path: '/x' }),
      route({ name: 'longer', host: 'a.test', pathKind: 'segments', path: '/x/y' }),
      route({ name: 'exact', host: 'a.test', pathKind: 'exact', path: '/x/y/z' }),
      route({ name: 'method', host: 'a.test', pathKind: 'segments', path: '/x', methods: ['PUT'], id: 'm' }),
      route({ name: 'heavy', host: 'a.test', path: '/x/w', weight: 9 }),
      route({ name: 'last', host: 'z.test', priority: -1 }),
    );
    const at = (host: string, path: string, method?: string): string =>
      found(t, request({ host, path, ...(method === undefined ? {} : { method }) }));
    expect(at('a.test', '/x/y/z')).toBe('exact');
    expect(at('a.test', '/x/y/zz')).toBe('longer');
    expect(at('a.test', '/x/q')).toBe('prefix');
    expect(at('a.test', '/x/q', 'PUT')).toBe('method');
    expect(at('a.test', '/x/w')).toBe('heavy');
    expect(at('a.test', '/other')).toBe('regex');
    expect(at('a.test', '/.well-known/x')).toBe('acme');
    expect(at('c.test', '/')).toBe('wild');
    expect(at('d.b.test', '/')).toBe('wilder');
    expect(at('test', '/')).toBe('any');
    expect(at('z.test', '/')).toBe('wild');
  });
});

describe('ties and hidden rules', () => {
  const told = (...routes: readonly Route[]): string[] =>
    table(...routes)
      .conflicts()
      .map((p) => `${p.serviceKey} ${p.reason.split(/[:(]/)[0]?.trim()}`);

  it('a tie is told to both services, and the first by key wins', () => {
    const [b, a] = [route({ name: 'b', host: 'h' }), route({ name: 'a', host: 'h' })];
    expect(found(table(b, a), request({ host: 'h' }))).toBe('a');
    expect(told(b, a)).toEqual([
      'f/a h is also asked for by f/b, which gets none of it',
      'f/b h is already taken by f/a',
    ]);
  });

  it.each<[string, Partial<Route>, Partial<Route>, number]>([
    ['another priority: only the loser', { host: 'h', priority: 1 }, { host: 'h' }, 1],
    ['other conditions', { host: 'h', methods: ['GET'] }, { host: 'h' }, 0],
    ['the same conditions', { host: 'h', methods: ['GET'] }, { host: 'h', methods: ['GET'] }, 2],
    [
      'a heavy prefix over a longer one',
      { host: 'h', path: '/a', weight: 5 },
      { host: 'h', path: '/a/b' },
      1,
    ],
    [
      'a prefix of segments hides an exact path',
      seg('/a', 5),
      { host: 'h', path: '/a/b', pathKind: 'exact' },
      1,
    ],
    ['but not another segment', seg('/a', 5), { host: 'h', path: '/ab', pathKind: 'exact' }, 0],
    ['nor the same text as a prefix of text', seg('/a', 5), { host: 'h', path: '/a' }, 0],
    [
      'every path hides a pattern',
      { host: 'h', priority: 1 },
      { host: 'h', path: '/.*', pathKind: 'regex' },
      1,
    ],
    ['other hosts', { host: 'h' }, { host: 'i' }, 0],
    ['other listeners', { host: 'h' }, { host: 'h', listeners: ['https'] }, 0],
  ])('%s', (_name, first, second, problems) => {
    expect(told(route({ name: 'a', ...first }), route({ name: 'b', ...second }))).toHaveLength(problems);
  });

  function seg(path: string, weight: number): Partial<Route> {
    return { host: 'h', path, pathKind: 'segments', weight };
  }
});

const hosts = fc.constantFrom('*', 'test', 'a.test', 'b.a.test', '*.test', '*.a.test', '*.b.a.test', 'x.y');
const texts = fc.constantFrom('/', '/a', '/a/', '/a/b', '/ab', '/a/b/c', '/b', '/c/d');
const anyRoute: fc.Arbitrary<Route> = fc
  .record({
    name: fc.constantFrom('s', 't', 'u'),
    n: fc.nat(50),
    host: hosts,
    kindAndPath: fc.oneof(
      fc.tuple(fc.constantFrom<PathKind>('prefix', 'segments', 'exact'), texts),
      fc.tuple(fc.constant<PathKind>('regex'), fc.constantFrom('/a.*', '/[ab]', '.*b', '/c/d')),
      fc.constant<[PathKind, string]>(['prefix', '']),
    ),
    listeners: fc.constantFrom(['http'], ['https'], ['http', 'https']),
    priority: fc.constantFrom(0, 0, 0, 0, 1, -1),
    weight: fc.constantFrom(0, 0, 1, 2),
    methods: fc.constantFrom(undefined, undefined, ['GET'], ['GET', 'PUT']),
    headers: fc.constantFrom(undefined, undefined, [{ name: 'x' }], [{ name: 'x', equals: '1' }]),
  })
  .map(({ name, n, kindAndPath: [pathKind, path], methods, headers, ...rest }) =>
    route({
      name,
      id: `${name}${n}`,
      path,
      pathKind,
      ...rest,
      ...(methods === undefined ? {} : { methods }),
      ...(headers === undefined ? {} : { headers }),
    }),
  );
const anyRoutes = fc.uniqueArray(anyRoute, { selector: (r) => r.id, maxLength: 40 });
const anyRequest = fc
  .record({
    host: fc.constantFrom('test', 'a.test', 'b.a.test', 'c.b.a.test', 'x.y', 'z', 'atest'),
    path: fc.oneof(
      texts,
      fc.string({ unit: fc.constantFrom('/', 'a', 'b', 'c', 'd'), maxLength: 6 }).map((p) => `/${p}`),
    ),
    method: fc.constantFrom('GET', 'PUT', 'POST'),
    listener: fc.constantFrom('http', 'https', 'port:1'),
    headers: fc.constantFrom<Record<string, string>>({}, { x: '1' }, { x: '2' }),
  })
  .map(request);

/** What the table should find, said as plainly as possible: all rules, sorted, the first that fits. */
function naive(routes: readonly Route[], query: RouteQuery): Route | undefined {
  const level = (host: string): number => (host === '*' ? 0 : host.startsWith('*.') ? host.length : 1_000);
  const fits = (r: Route): boolean =>
    r.listeners.includes(query.listener ?? 'http') &&
    (r.host === '*' ||
      r.host === query.host ||
      (r.host.startsWith('*.') && query.host.endsWith(r.host.slice(1)))) &&
    {
      prefix: query.path.startsWith(r.path),
      exact: query.path === r.path,
      regex: r.pathKind === 'regex' && new RegExp(`^(?:${r.path})$`).test(query.path),
      segments: query.path === r.path || query.path.startsWith(r.path.replace(/\/?$/, '/')),
    }[r.pathKind] &&
    (r.methods?.includes(query.method ?? '') ?? true) &&
    (r.headers ?? []).every((h) => {
      const value = query.header?.(h.name);
      return value !== undefined && (h.equals === undefined || h.equals === value);
    });
  return routes
    .filter(fits)
    .toSorted((a, b) => b.priority - a.priority || level(b.host) - level(a.host) || compareRules(a, b))[0];
}

describe('whatever the routes', () => {
  it('the table finds what going through all rules in order finds, and explains it', () => {
    fc.assert(
      fc.property(anyRoutes, fc.array(anyRequest, { maxLength: 10 }), (routes, requests) => {
        const t = table(...routes);
        for (const query of requests) {
          const match = t.match(query);
          const expected = naive(routes, query);
          expect(match.kind === 'match' ? match : undefined).toBe(expected);
          const traces = t.explain(query);
          expect(traces.filter((trace) => trace.outcome === 'chosen').map((trace) => trace.route)).toEqual(
            expected === undefined ? [] : [expected],
          );
          if (match.kind === 'no-match') expect(match.hostKnown).toBe(traces.length > 0);
          // What stands before the chosen one, and all where none is, did not fit.
          const chosen = traces.findIndex((trace) => trace.outcome === 'chosen');
          for (const trace of chosen < 0 ? traces : traces.slice(0, chosen))
            expect(trace.outcome).toMatch(/-differs$/);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('neither the order in which routes come nor the way there matters', () => {
    const everything = (t: RouteTable): unknown => [[...t.routes()], t.listeners(), t.conflicts(), t.size];
    fc.assert(
      fc.property(
        anyRoutes.chain((routes) =>
          fc.tuple(fc.constant(routes), fc.shuffledSubarray(routes, { minLength: routes.length })),
        ),
        fc.array(fc.tuple(fc.nat(40), fc.boolean()), { maxLength: 20 }),
        ([routes, shuffled], steps) => {
          expect(everything(table(...shuffled))).toEqual(everything(table(...routes)));
          // Step by step, by route or by id, and back: the same as made at once.
          let t = table();
          const now = new Map<string, Route>();
          for (const [i, byId] of steps) {
            const one = routes[i];
            if (one === undefined) continue;
            if (now.delete(one.id)) t = t.with([byId ? one.id : one], []);
            else {
              now.set(one.id, one);
              t = t.with([], [one]);
            }
          }
          expect(everything(t)).toEqual(everything(table(...now.values())));
          const replaced = routes.map((r) => ({ ...r, host: 'other' }));
          expect(everything(table(...routes).with([], replaced))).toEqual(everything(table(...replaced)));
        },
      ),
      { numRuns: 300 },
    );
  });
});
