import { describe, expect, it } from 'vitest';
import { silentLogger } from '../core/log.ts';
import { seededRandom } from '../core/random.ts';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { Backends } from './backends.ts';
import { many } from './balancer/testing/balancer-kit.ts';
import type { Endpoint } from './balancer/index.ts';
import { lbConfigSchema } from './config.ts';
import type { BackendSpec } from './plane/messages.ts';
import { instance, service } from './testing/fake-catalog.ts';
import { UpstreamTls } from './tls/index.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { UpstreamConnection } from './upstream/index.ts';

const KEY = 'marathon/a#0';

function make(drainMs: number | undefined) {
  const clock = new FakeClock(0);
  const parts: Partial<ConstructorParameters<typeof Backends>[0]> = {
    config: lbConfigSchema.parse({}),
    clock,
    random: seededRandom(1),
    log: silentLogger,
    reactor: { connect: () => expect.unreachable() },
    http2: { instances: { connect: () => expect.unreachable() }, retire: () => {} },
    tls: new UpstreamTls({ reactor: {}, clock }),
  };
  const backends = new Backends(parts as ConstructorParameters<typeof Backends>[0]);
  const policy = { balance: 'p2c', ...(drainMs === undefined ? {} : { drainMs }) } as const;
  const spec = (endpoints: readonly Endpoint[]): BackendSpec => ({
    key: KEY,
    serviceKey: 'marathon/a',
    hasInstances: true,
    endpoints,
    policy,
  });
  const [one, two] = many(2) as [Endpoint, Endpoint];
  backends.apply({ gone: [], set: [spec([one, two])] });
  const cut: string[] = [];
  /** Something runs there from now on. */
  const run = (endpoint: Endpoint, name = endpoint.key): UpstreamConnection => {
    const pool = backends.get(KEY)?.pool(endpoint);
    const connection = { place: -1, idleSince: 0 } as UpstreamConnection;
    const destroy = (): void => {
      cut.push(name);
      pool?.left(connection);
    };
    Object.assign(connection, { transport: { closed: false, destroy } });
    pool?.entered(connection);
    return connection;
  };
  const change = (gone: readonly string[], come: readonly Endpoint[]): void =>
    backends.apply({ gone: [], set: [], changed: [{ key: KEY, hasInstances: true, gone, come }] });
  return { backends, clock, one, two, cut, run, change, spec };
}

describe('idle connections that have grown old', () => {
  const IDLE_MS = lbConfigSchema.parse({}).upstream.idleMs;

  it.each([
    [2, 2],
    [2_000, 500],
  ])('of %i instances, those of at most %i are closed in one sweep', (instances, atOnce) => {
    const { backends, spec, cut, run } = make(undefined);
    const endpoints = many(instances);
    backends.apply({ gone: [], set: [spec(endpoints)] });
    for (const endpoint of endpoints) backends.get(KEY)?.pool(endpoint).give(run(endpoint), 0);
    backends.sweep(IDLE_MS - 1);
    expect(cut.length).toBe(0);
    for (let sweeps = 0; sweeps < 5; sweeps++) {
      const before = cut.length;
      backends.sweep(IDLE_MS);
      expect(cut.length - before).toBeLessThanOrEqual(atOnce);
    }
    expect(new Set(cut).size).toBe(instances);
  });
});

describe('instances that leave', () => {
  const draining = (endpoint: Endpoint): Endpoint => ({ ...endpoint, phase: 'draining' });

  it('have the time that the service says, from when they begin to leave; then what runs there is cut', () => {
    const { clock, one, two, cut, run, change } = make(30_000);
    for (const endpoint of [one, two]) run(endpoint);
    change([], [draining(one)]);
    clock.advance(20_000);
    // Gone is no more than leaving.
    change([one.key], []);
    clock.advance(9_999);
    expect(cut).toEqual([]);
    clock.advance(1);
    expect(cut).toEqual(['t0']);
    change([two.key], []);
    clock.advance(30_000);
    expect(cut).toEqual(['t0', 't1']);
  });

  it('keep what runs there when they are let in again, and when nobody says how long', () => {
    const again = make(1_000);
    again.run(again.one);
    again.change([], [draining(again.one)]);
    again.clock.advance(999);
    again.change([], [again.one]);
    again.clock.advance(10_000);
    expect(again.cut).toEqual([]);
    // Told as a whole it is the same.
    again.run(again.one, 'later');
    again.backends.apply({ gone: [], set: [again.spec([draining(again.one), again.two])] });
    again.clock.advance(999);
    again.backends.apply({ gone: [], set: [again.spec([again.one, again.two])] });
    again.clock.advance(10_000);
    expect(again.cut).toEqual([]);

    const silent = make(undefined);
    silent.run(silent.one);
    silent.change([silent.one.key], []);
    silent.clock.advance(1e9);
    expect(silent.cut).toEqual([]);
  });

  it('leave where they were, too, when they are somewhere else now; what runs at the new place stays', () => {
    const { clock, one, cut, run, change } = make(1_000);
    run(one, 'old');
    const moved = { ...one, port: 99 };
    change([], [moved]);
    run(moved, 'new');
    clock.advance(1_000);
    expect(cut).toEqual(['old']);
  });

  it('have the same time when their service is gone', () => {
    const { backends, clock, one, cut, run } = make(1_000);
    run(one);
    backends.apply({ gone: [KEY], set: [] });
    expect(cut).toEqual([]);
    clock.advance(1_000);
    expect(cut).toEqual(['t0']);
  });
});

describe('a service that says how long what runs on a leaving instance gets', () => {
  it('has answers cut that take longer, tunnels ended, and requests without an answer asked elsewhere', async () => {
    const h = await startHarness();
    const asked: string[] = [];
    const leaving = await h.origin((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/endless') response.write('and so on');
    });
    leaving.server.on('upgrade', (_request, socket) => {
      asked.push('tunnel');
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    });
    const staying = await h.origin((_request, response) => response.end('elsewhere'));
    const labels = new Map([
      ['rimrock.http.x.host', 'a.test'],
      ['rimrock.http.x.drainSeconds', '0.3'],
    ]);
    h.catalog.set(service({ name: 'a', labels, instances: [instance(leaving.port)] }));
    const ask = (path: string, ...fields: string[]) =>
      h.dial().send([`GET ${path} HTTP/1.1`, 'Host: a.test', ...fields, '', ''].join('\r\n'));
    const [endless, silent] = [ask('/endless'), ask('/silent', 'Connection: close')];
    const tunnel = ask('/tunnel', 'Connection: Upgrade', 'Upgrade: websocket');
    await endless.until((text) => text.includes('and so on'));
    await tunnel.until((text) => text.startsWith('HTTP/1.1 101'));
    await expect.poll(() => asked.toSorted()).toEqual(['/endless', '/silent', 'tunnel']);

    const old = instance(leaving.port, { phase: 'draining' });
    h.catalog.set(service({ name: 'a', labels, instances: [old, instance(staying.port)] }));
    // Without its last chunk: the client sees that there should be more.
    expect(await endless.untilEnd()).not.toContain('\r\n0\r\n');
    await tunnel.untilEnd();
    expect(await silent.untilEnd()).toContain('elsewhere');
    await h.close();
  });
});
