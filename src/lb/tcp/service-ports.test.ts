import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListenerSpec, PlaneUpdate } from '../plane/messages.ts';
import { RouteTable } from '../router/index.ts';
import type { Route } from '../router/index.ts';
import { servicePortsSchema } from './config.ts';
import { ServicePorts } from './service-ports.ts';

function route(service: string, given: Partial<Route>): Route {
  const target = { backendKey: `${service}#0`, serviceKey: service, portIndex: 0 };
  return {
    kind: 'match',
    id: `${service}#0/${given.protocol ?? 'tcp'}`,
    protocol: 'tcp',
    listeners: ['port:10001'],
    host: '*',
    path: '',
    pathKind: 'prefix',
    priority: 0,
    weight: 0,
    ...target,
    balance: 'p2c',
    targets: [{ ...target, weight: 1 }],
    middlewares: [],
    source: ['HAPROXY_0_PORT'],
    ...given,
  };
}

const update = (come: readonly Route[], gone: readonly string[] = []): PlaneUpdate => ({
  kind: 'update',
  version: 1,
  ready: true,
  routes: { gone, come },
  backends: { gone: [], set: [] },
});

function make(config: object = {}) {
  const opened: (readonly ListenerSpec[])[] = [];
  const ports = new ServicePorts({
    config: servicePortsSchema.parse(config),
    own: () => new Set([10_009]),
    onListeners: (listeners) => opened.push(listeners),
  });
  const names = (): string[] => (opened.at(-1) ?? []).map(({ name, protocol }) => `${name} ${protocol}`);
  const told = (service: string): string[] =>
    ports.problems().flatMap((problem) => (problem.serviceKey === service ? problem.reason : []));
  return { ports, opened, names, told };
}

describe('service ports', () => {
  it('go to the first who wants one; the others get theirs when it goes', () => {
    const { ports, names, told } = make();
    const [a, b] = [route('m/a', {}), route('m/b', { protocol: 'http' })];
    expect(ports.through(update([b])).routes.come).toEqual([b]);
    expect(names()).toEqual(['port:10001 http']);
    expect(ports.through(update([a])).routes).toEqual({ gone: [b.id], come: [a] });
    expect(names()).toEqual(['port:10001 tcp']);
    expect(told('m/b')[0]).toMatch(/already speaks tcp for m\/a/);
    expect(ports.through(update([], [a.id])).routes).toEqual({ gone: [a.id], come: [b] });
    expect(told('m/b')).toEqual([]);
  });

  it('are left out of a route that has other listeners as well', () => {
    const { ports } = make();
    ports.through(update([route('m/a', {})]));
    const both = route('m/b', { protocol: 'http', listeners: ['http', 'port:10001'] });
    expect(ports.through(update([both])).routes.come).toEqual([{ ...both, listeners: ['http'] }]);
  });

  it('are not opened outside of the range, or where we listen ourselves; the operator may name any', () => {
    const { ports, names, told } = make({ max: 10_010 });
    const wants = (service: string, port: number, source = 'HAPROXY_0_PORT'): Route =>
      route(service, { listeners: [`port:${port}`], source: [source] });
    ports.through(
      update([
        wants('m/low', 80),
        wants('m/ours', 10_009),
        wants('m/fine', 10_002),
        wants('m/op', 5_432, 'lb.routes.tcp.db'),
      ]),
    );
    expect(names()).toEqual(['port:5432 tcp', 'port:10002 tcp']);
    expect(told('m/low')[0]).toMatch(/ports from 10000 to 10010/);
    expect(told('m/ours')[0]).toMatch(/taken by the load balancer itself/);
  });

  it('tell what keeps them closed, until they are open at that plane', () => {
    const { ports, told } = make();
    ports.through(update([route('m/a', {})]));
    const failed = {
      kind: 'listen-failed',
      name: 'port:10001',
      code: 'EADDRINUSE',
      reason: 'it is in use',
    } as const;
    const open = { kind: 'listening', name: 'port:10001', ip: '127.0.0.1', port: 10_001 } as const;
    expect(ports.views()).toMatchObject([{ state: 'opening', services: ['m/a'] }]);
    ports.onWord(-1, failed);
    ports.onWord(1, failed);
    ports.onWord(0, open);
    expect(ports.views()).toMatchObject([{ state: 'failed', reason: 'it is in use' }]);
    expect(told('m/a')[0]).toMatch(/it is in use/);
    ports.onWord(1, open);
    expect(ports.views()).toMatchObject([{ state: 'listening', reason: undefined }]);
    expect(told('m/a')).toEqual([]);
  });

  it('planes that hear of changes know the same as one that is new', () => {
    const change = fc.record({
      service: fc.constantFrom('m/a', 'm/b', 'm/c'),
      protocol: fc.constantFrom('tcp', 'http'),
      listeners: fc.uniqueArray(fc.constantFrom('http', 'port:10001', 'port:10002'), { minLength: 1 }),
      priority: fc.integer({ min: 0, max: 2 }),
      gone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        const { ports } = make();
        const all = new Map<string, Route>();
        let table = RouteTable.empty;
        for (const { service, protocol, listeners, priority, gone } of changes) {
          const one = route(service, { protocol, listeners, priority });
          if (gone) all.delete(one.id);
          else all.set(one.id, one);
          const { routes } = ports.through(gone ? update([], [one.id]) : update([one], [one.id]));
          table = table.with(routes.gone, routes.come);
        }
        let fresh = RouteTable.empty;
        for (const piece of ports.whole([update([...all.values()])]))
          fresh = fresh.with(piece.routes.gone, piece.routes.come);
        const plain = (of: RouteTable): Route[] => [...of.routes()].sort((a, b) => (a.id < b.id ? -1 : 1));
        expect(plain(table)).toEqual(plain(fresh));
        // What is spoken at a port is one thing.
        for (const name of ['port:10001', 'port:10002'])
          expect(
            new Set(plain(table).flatMap((r) => (r.listeners.includes(name) ? r.protocol : []))).size,
          ).toBeLessThan(2);
      }),
    );
  });
});
