import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Service } from '../../cluster/index.ts';
import { RouteBook } from '../router/index.ts';
import type { Middleware } from '../router/index.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { serviceReader } from './reader.ts';

const shared = new Map<string, Middleware>([['office', { kind: 'ipFilter', allow: ['10.0.0.0/8'] }]]);
const app = (labels: Record<string, string>, name = 's'): Service =>
  service({ name, labels: new Map(Object.entries(labels)), instances: [instance(1)] });

/** Text that is like labels and their values, and text that is like nothing. */
const words = fc.constantFrom(
  'http',
  'tcp',
  'middleware',
  'group',
  'w',
  'host',
  'path',
  'pathRegex',
  'header',
  'check',
  'x',
  '',
  'set',
  '__proto__',
  'constructor',
  'toString',
  'redirect',
  'headers',
  'request',
  'middlewares',
  'port',
  'listeners',
);
const label = fc.oneof(
  { weight: 5, arbitrary: fc.array(words, { maxLength: 6 }).map((parts) => ['rimrock', ...parts].join('.')) },
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => `rimrock.http.${text}`),
  fc.string({ maxLength: 10 }).map((text) => `HAPROXY_0_${text}`),
  fc
    .constantFrom(
      'VHOST',
      'PATH',
      'PORT',
      'MODE',
      'AUTH',
      'BALANCE',
      'BACKEND_NETWORK_ALLOWED_ACL',
      'SSL_CERT',
    )
    .map((suffix) => `HAPROXY_0_${suffix}`),
);
const value = fc.oneof(
  fc.constantFrom('a.test', '/x', '0', '(a*)*', '*', 'http', 'true', 'port:80', 'w', '10.0.0.0/8', 'a:b:c'),
  fc.string({ unit: 'binary', maxLength: 30 }),
);
const labelSet = fc.uniqueArray(fc.tuple(label, value), { selector: ([name]) => name, maxLength: 12 });

describe('whatever labels say', () => {
  it('is read without a throw, into plain data and complaints that name a label', () => {
    const reader = serviceReader(['*'], shared);
    fc.assert(
      fc.property(labelSet, (pairs) => {
        const labels = new Map(pairs);
        const { routes, problems } = reader(service({ name: 's', labels, instances: [instance(1)] }));
        expect(structuredClone(routes)).toEqual(routes);
        expect(new Set(routes.map((r) => r.id)).size).toBe(routes.length);
        for (const problem of problems) {
          expect(problem.reason).not.toMatch(/please report|Invalid input/);
          // A label that is missing is told by its name: then others of the same rule are there.
          const rule = problem.label.split('.').slice(0, 3).join('.');
          expect([...labels.keys()].some((name) => name.startsWith(rule))).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('one bad set among 500 services, and 50 mutations of it, change no byte of the other 499', () => {
    const good = Array.from({ length: 499 }, (_, i) =>
      app(
        i % 2 === 0
          ? { HAPROXY_0_VHOST: `g${i}.test`, HAPROXY_0_PATH: '/a /b' }
          : { [`rimrock.http.r${i}.host`]: `g${i}.test`, [`rimrock.http.r${i}.pathPrefix`]: '/a' },
        `good-${i}`,
      ),
    );
    fc.assert(
      fc.property(fc.array(labelSet, { minLength: 51, maxLength: 51 }), (sets) => {
        const book = new RouteBook(['*'], serviceReader(['*'], shared));
        book.apply({ added: good, changed: [], removed: [] });
        const bytes = (): string =>
          JSON.stringify([...book.table.routes()].filter((r) => r.serviceKey !== 'marathon/bad'));
        const before = bytes();
        const objects = good.map((s) => book.routesOf(s.key));
        for (const [i, pairs] of sets.entries()) {
          const bad = service({ name: 'bad', labels: new Map(pairs), instances: [instance(1)] });
          const change =
            i === 0 ? { added: [bad], changed: [] } : { added: [], changed: [{ before: bad, after: bad }] };
          book.apply({ ...change, removed: [] });
          expect(bytes()).toBe(before);
        }
        good.forEach((s, i) => expect(book.routesOf(s.key)).toBe(objects[i]));
      }),
      { numRuns: 3 },
    );
  });

  it('a bad label is in the list of problems with what to write', () => {
    const book = new RouteBook(['*'], serviceReader(['*'], shared));
    const bad = app({ 'rimrock.http.w.host': 'not a host!' }, 'bad');
    book.apply({ added: [app({ HAPROXY_0_VHOST: 'a' }), bad], changed: [], removed: [] });
    expect(book.problems()).toMatchObject([{ serviceKey: 'marathon/bad', label: 'rimrock.http.w.host' }]);
    book.apply({
      added: [],
      changed: [{ before: bad, after: app({ 'rimrock.http.w.host': 'b' }, 'bad') }],
      removed: [],
    });
    expect(book.problems()).toEqual([]);
  });
});
