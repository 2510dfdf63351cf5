import { describe, expect, it } from 'vitest';
import type { Middleware } from '../router/index.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { executable } from './executed.ts';
import { serviceReader } from './reader.ts';

describe('middlewares that are not executed yet', () => {
  const labels = {
    HAPROXY_0_VHOST: 'a,b',
    HAPROXY_0_REDIRECT_TO_HTTPS: 'true',
    HAPROXY_0_BACKEND_NETWORK_ALLOWED_ACL: '10.0.0.0/8',
  };
  const routing = serviceReader(['*'])(
    service({ name: 's', labels: new Map(Object.entries(labels)), instances: [instance(1)] }),
  );
  const kinds = (...all: Middleware['kind'][]): ReadonlySet<Middleware['kind']> => new Set(all);

  it('take the route away where they protect it', () => {
    const { routes, problems } = executable(routing, kinds('redirect'));
    expect(routes).toEqual([]);
    expect(problems).toMatchObject([
      { label: 'HAPROXY_0_VHOST', reason: /ipFilter; the rule is not published/ },
    ]);
  });

  it('are taken off it elsewhere', () => {
    const { routes, problems } = executable(routing, kinds('ipFilter'));
    expect(routes.map((r) => r.middlewares.map((m) => m.kind))).toEqual([['ipFilter'], ['ipFilter']]);
    expect(problems).toMatchObject([{ reason: /redirect; it is ignored/ }]);
  });

  it('and nothing happens where all are', () => {
    expect(executable(routing, kinds('ipFilter', 'redirect'))).toBe(routing);
  });
});
