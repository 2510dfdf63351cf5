import { describe, expect, it } from 'vitest';
import type { CatalogPort } from '../../cluster/index.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { readLabels } from './labels.ts';

const port = (more: Partial<CatalogPort>): CatalogPort => ({
  number: 0,
  name: '',
  protocol: 'tcp',
  labels: new Map(),
  ...more,
});
const CHECK = { kind: 'http', path: '/well', intervalMs: 5_000, timeoutMs: 1_000, failures: 4 } as const;

/** Of each route its listener and protocol. */
function read(labels: Record<string, string>, ports: readonly CatalogPort[], groups = ['*']) {
  const { routes, problems, policies } = readLabels(
    service({ name: 's', labels: new Map(Object.entries(labels)), ports, instances: [instance(1)] }),
    groups,
  );
  return {
    routes: routes.map(
      ({ listeners, protocol, portIndex }) => `${listeners.join()} ${protocol} ${portIndex}`,
    ),
    problems,
    policies,
  };
}

describe('service ports that a scheduler tells', () => {
  const two = [port({ servicePort: 10_001 }), port({ servicePort: 10_002, check: CHECK })];

  it('are opened for services with a group that is served, HTTP where the check is', () => {
    expect(read({ HAPROXY_GROUP: 'external' }, two).routes).toEqual([
      'port:10001 tcp 0',
      'port:10002 http 1',
    ]);
    expect(read({ HAPROXY_GROUP: 'external' }, two, ['external']).routes).toHaveLength(2);
    expect(read({ HAPROXY_GROUP: 'internal' }, two, ['external']).routes).toEqual([]);
    expect(read({}, two).routes).toEqual([]);
    expect(read({ HAPROXY_1_GROUP: 'external' }, two).routes).toEqual(['port:10002 http 1']);
  });

  it('give way to labels, and are none for UDP', () => {
    const labels = { HAPROXY_GROUP: 'x', HAPROXY_0_PORT: '10009', HAPROXY_1_MODE: 'tcp' };
    expect(read(labels, two).routes).toEqual(['port:10009 tcp 0', 'port:10002 tcp 1']);
    const off = { HAPROXY_GROUP: 'x', HAPROXY_0_ENABLED: 'false' };
    expect(read(off, two).routes).toEqual(['port:10002 http 1']);
    expect(read({ HAPROXY_GROUP: 'x' }, [port({ servicePort: 10_001, protocol: 'udp' })]).routes).toEqual([]);
  });

  it('come with their check, which a label may move to another port', () => {
    const check = {
      probe: { kind: 'http', path: '/well' },
      intervalMs: 5_000,
      timeoutMs: 1_000,
      rise: 1,
      fall: 4,
    };
    const { policies } = read({ HAPROXY_GROUP: 'x' }, two);
    expect(policies.get('marathon/s#1')?.check).toEqual(check);
    expect(policies.get('marathon/s#0')?.check).toBe(undefined);
    const moved = read({ HAPROXY_GROUP: 'x', HAPROXY_1_BACKEND_HEALTHCHECK_PORT_INDEX: '0' }, two);
    expect(moved.policies.get('marathon/s#1')?.check).toEqual({ ...check, portIndex: 0 });
    const own = read({ HAPROXY_GROUP: 'x' }, [port({ servicePort: 10_001, check: { ...CHECK, port: 99 } })]);
    expect(own.policies.get('marathon/s#0')?.check).toEqual({ ...check, port: 99 });
  });
});
