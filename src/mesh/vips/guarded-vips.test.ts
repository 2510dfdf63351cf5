import { beforeEach, describe, expect, it } from 'vitest';
import type { CatalogTask } from '../../cluster/index.ts';
import { HandCatalog, task } from '../../cluster/testing/index.ts';
import { VIPS_DOMAIN, Vips } from '../../cluster/vips/index.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { GuardedVips } from './guarded-vips.ts';

const GUARDED = new Map([['rimrock.mtls', 'strict']]);

function behind(
  id: string,
  vip: string,
  more: Partial<CatalogTask> & { readonly on?: string } = {},
): CatalogTask {
  const { on: ip = '10.0.0.1', ...rest } = more;
  const port = 31_000 + Number(id.split('.')[1]);
  const ports = [
    { number: port, name: '', protocol: 'tcp', labels: new Map([['VIP_0', vip]]) },
    { number: port + 500, name: '', protocol: 'udp', labels: new Map([['VIP_0', vip]]) },
  ];
  return task(id, {
    name: id,
    agentIps: [ip],
    ports: [port, port + 500],
    discovery: { name: 'x', visibility: 'CLUSTER', ports },
    labels: GUARDED,
    ...rest,
  });
}

describe('the VIPs of guarded services', () => {
  let clock: FakeClock;
  let catalog: HandCatalog;
  let guarded: GuardedVips;
  let changes: number;
  let told: Map<string, readonly string[]>;
  beforeEach(() => {
    [clock, catalog, changes, told] = [new FakeClock(), new HandCatalog(), 0, new Map()];
    const vips = new Vips({
      domain: VIPS_DOMAIN,
      ipv4: { first: '11.0.0.0', last: '11.255.255.255' },
      ipv6: undefined,
    });
    vips.follow(catalog);
    catalog.onChange(() => {
      while (vips.work());
    });
    guarded = new GuardedVips({
      catalog,
      vips,
      clock,
      idOf: ({ taskName }) => (taskName === 'nobody.9' ? undefined : `id of ${taskName}`),
      tell: (local, endpoints) =>
        told.set(
          local,
          endpoints.map(({ ip, port, id }) => `${ip}:${port} ${id}`),
        ),
      changed: () => void changes++,
    });
    return () => {
      guarded.stop();
      expect(clock.pending).toBe(0);
    };
  });
  const become = (...tasks: CatalogTask[]): void => {
    catalog.become({ tasks });
    clock.advance(20);
  };

  it('are told with who has a guard and may be called; others are nobody', () => {
    become(
      behind('a.1', '/web:80'),
      behind('b.2', '/web:80', { labels: new Map() }),
      behind('c.3', '/web:80', { healthy: false }),
      behind('nobody.9', '/web:80'),
      behind('d.4', '/open:80', { labels: new Map() }),
      behind('e.5', '/wrong:80', { labels: new Map([['rimrock.mtls', 'strikt']]) }),
    );
    expect([...guarded.places().values()]).toEqual(['127.119.0.1']);
    expect([...guarded.places().keys()]).toEqual([expect.stringMatching(/^11\.\d+\.\d+\.\d+ \. 80$/)]);
    expect(told).toEqual(new Map([['127.119.0.1', ['10.0.0.1:31001 id of a.1']]]));
    expect([guarded.size, changes]).toEqual([1, 1]);
  });

  it('have the endpoints of now; who is behind a VIP is no change of where VIPs are', () => {
    become(behind('a.1', '/web:80'));
    become(behind('a.1', '/web:80', { healthy: false }));
    expect(told.get('127.119.0.1')).toEqual(['10.0.0.1:31001 id of a.1']);
    become(behind('a.1', '/web:80', { healthy: false }), behind('b.2', '/web:80', { on: '10.0.0.2' }));
    expect(told.get('127.119.0.1')).toEqual(['10.0.0.2:31002 id of b.2']);
    expect(changes).toBe(1);
    told.clear();
    guarded.again();
    expect(told.get('127.119.0.1')).toEqual(['10.0.0.2:31002 id of b.2']);
  });

  it('go when nobody who takes connections is guarded, and their stand-ins are not used again at once', () => {
    // the labels of a task never change: another one comes in its place

    become(behind('a.1', '/web:80'), behind('b.2', '/api:81'));
    expect(new Set(guarded.places().values())).toEqual(new Set(['127.119.0.1', '127.119.0.2']));
    become(behind('c.1', '/web:80', { labels: new Map() }), behind('b.2', '/api:81'));
    expect([...guarded.places().values()]).toEqual(['127.119.0.2']);
    expect(told.get('127.119.0.1')).toEqual([]);
    become(behind('a.1', '/web:80'), behind('b.2', '/api:81'));
    expect(new Set(guarded.places().values())).toEqual(new Set(['127.119.0.2', '127.119.0.3']));
    become();
    expect([guarded.size, changes]).toEqual([0, 4]);
  });

  it('are each at one place: an address in a label gives way to a name that has got it', () => {
    become(behind('a.1', '/web:80'));
    const [place = ''] = guarded.places().keys();
    const [local] = guarded.places().values();
    become(behind('a.1', '/web:80'), behind('b.2', `${place.split(' ')[0]}:80`));
    expect(guarded.size).toBe(2);
    expect([...guarded.places()]).toEqual([[place, local]]);
  });

  it('are not of this kind: UDP, IPv6, and the stand-ins themselves', () => {
    become(behind('a.1', '127.119.0.9:80'), behind('b.2', 'fd01:c::5:80'));
    expect(guarded.size).toBe(0);
  });
});
