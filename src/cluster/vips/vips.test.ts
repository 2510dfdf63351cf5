import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CatalogTask } from '../catalog/index.ts';
import { HandCatalog, task } from '../testing/index.ts';
import { VIPS_DOMAIN, Vips } from './vips.ts';
import type { VipNameChange, VipSettings } from './vips.ts';

const SETTINGS: VipSettings = {
  domain: VIPS_DOMAIN,
  ipv4: { first: '11.0.0.0', last: '11.255.255.255' },
  ipv6: { first: 'fd01:c::', last: 'fd01:c::ffff:ffff:ffff:ffff' },
};

/** VIPs behind a catalog, and the records and VIPs that are left when every change is followed. */
class Tester {
  readonly catalog = new HandCatalog();
  readonly vips: Vips;
  readonly #records = new Map<string, number>();
  readonly #followed = new Map<string, unknown>();

  constructor(settings: Partial<VipSettings> = {}) {
    this.vips = new Vips({ ...SETTINGS, ...settings });
    const changed = new Set<string>();
    this.vips.onChange((key) => changed.add(key));
    this.vips.follow(this.catalog);
    this.catalog.onChange(() => {
      while (this.vips.work());
      for (const change of this.vips.takeNames()) this.#name(change);
      for (const key of changed) this.#followed.set(key, this.vips.vip(key));
      changed.clear();
      // Who follows the changes knows what is told as a whole.
      const followed = [...this.#followed.values()].filter((vip) => vip !== undefined);
      expect(new Set(followed.map((vip) => JSON.stringify(vip)))).toEqual(
        new Set(this.vips.vips().map((vip) => JSON.stringify(vip))),
      );
    });
  }

  become(...tasks: CatalogTask[]): this {
    this.catalog.become({ tasks });
    return this;
  }

  get records(): string[] {
    return [...this.#records.keys()].sort();
  }

  get list(): string[] {
    return this.vips.vips().map((v) => {
      const to = v.backends.map((b) => `${b.ip}|${b.port}|${b.weight}`).join(' ');
      return `${v.protocol} ${v.name ?? '-'} ${v.addresses.join()} ${v.port} > ${to}`;
    });
  }

  #name({ name, before, after }: VipNameChange): void {
    for (const ip of after) this.#count(`${name} ${ip.includes(':') ? 'AAAA' : 'A'} ${ip}`, 1);
    for (const ip of before) this.#count(`${name} ${ip.includes(':') ? 'AAAA' : 'A'} ${ip}`, -1);
  }

  #count(key: string, by: number): void {
    const n = (this.#records.get(key) ?? 0) + by;
    expect(n).toBeGreaterThanOrEqual(0);
    if (n === 0) this.#records.delete(key);
    else this.#records.set(key, n);
  }
}

function behind(
  id: string,
  vip: string,
  ips: readonly string[],
  more: Partial<CatalogTask> = {},
): CatalogTask {
  const labels = new Map([
    ['VIP_0', vip],
    ['network-scope', 'container'],
  ]);
  const ports = [{ number: 8080, name: '', protocol: 'tcp', labels }];
  return task(id, { netinfoIps: ips, discovery: { name: 'x', visibility: 'CLUSTER', ports }, ...more });
}

const FOO = 'foo.marathon.l4lb.thisdcos.directory.';
const address = (of: string, framework: string): string => {
  const t = new Tester().become(behind('t.1', of, ['9.0.0.1'], { frameworkName: framework }));
  return t.vips.vips()[0]?.addresses[0] as string;
};
const FOO_IP = address('/foo:1', 'marathon');

describe('named VIPs', () => {
  it('have the address of their name, and all tasks behind them', () => {
    const t = new Tester().become(
      behind('a.1', '/acme:80', ['9.0.0.2']),
      behind('a.2', '/acme:80', ['9.0.0.1'], { healthy: false }),
    );
    expect(t.records).toEqual(['acme.marathon.l4lb.thisdcos.directory. A 11.9.179.74']);
    expect(t.list).toEqual([
      'tcp acme.marathon.l4lb.thisdcos.directory. 11.9.179.74 80 > 9.0.0.1|8080|0 9.0.0.2|8080|1',
    ]);
  });

  it('last as long as something is behind them, also when it is about to end', () => {
    const t = new Tester().become(behind('a.1', '/foo:80', ['9.0.0.1']));
    t.become(behind('a.1', '/foo:80', ['9.0.0.1'], { state: 'TASK_KILLING' }));
    expect([t.records.length, t.list]).toEqual([1, [`tcp ${FOO} ${FOO_IP} 80 > 9.0.0.1|8080|0`]]);
    t.become();
    expect([t.records, t.list]).toEqual([[], []]);
  });

  it('share name and address over ports', () => {
    const t = new Tester().become(
      behind('a.1', '/foo:80', ['9.0.0.1']),
      behind('b.1', '/foo:81', ['9.0.0.2']),
    );
    expect(t.records).toEqual([`${FOO} A ${FOO_IP}`]);
    expect(t.list).toEqual([
      `tcp ${FOO} ${FOO_IP} 80 > 9.0.0.1|8080|1`,
      `tcp ${FOO} ${FOO_IP} 81 > 9.0.0.2|8080|1`,
    ]);
    t.become(behind('b.1', '/foo:81', ['9.0.0.2']));
    expect(t.records).toEqual([`${FOO} A ${FOO_IP}`]);
  });

  it('have an address for each family that is behind them', () => {
    const t = new Tester().become(behind('a.1', '/foo:80', ['9.0.0.1', 'fd01:b::1']));
    expect(t.records.map((r) => r.split(' ')[1])).toEqual(['A', 'AAAA']);
    expect(t.vips.vips()[0]?.addresses).toHaveLength(2);
    t.become(behind('a.1', '/foo:80', ['fd01:b::1']));
    expect(t.records.map((r) => r.split(' ')[1])).toEqual(['AAAA']);
    expect(t.vips.vips()[0]?.addresses).toEqual([expect.stringMatching(/^fd01:c::/)]);
  });

  it('have no IPv6 where that is off', () => {
    const t = new Tester({ ipv6: undefined }).become(behind('a.1', '/foo:80', ['9.0.0.1', 'fd01:b::1']));
    expect(t.records).toEqual([`${FOO} A ${FOO_IP}`]);
    expect(t.list).toEqual([`tcp ${FOO} ${FOO_IP} 80 > 9.0.0.1|8080|1`]);
    t.become(behind('a.1', '/foo:80', ['fd01:b::1']));
    expect([t.records, t.list]).toEqual([[], []]);
  });

  it('that are written differently are two, with one name and two addresses', () => {
    const t = new Tester().become(
      behind('a.1', '/foo:80', ['9.0.0.1']),
      behind('b.1', 'foo:80', ['9.0.0.2']),
    );
    const next = FOO_IP.replace(/\d+$/, (n) => String(Number(n) + 1));
    expect(t.records).toEqual([`${FOO} A ${FOO_IP}`, `${FOO} A ${next}`].sort());
    expect(t.list).toEqual([
      `tcp ${FOO} ${FOO_IP} 80 > 9.0.0.1|8080|1`,
      `tcp ${FOO} ${next} 80 > 9.0.0.2|8080|1`,
    ]);
  });

  it('get the same addresses in whatever order their tasks are told at the start', () => {
    const tasks = ['/foo:80', 'foo:80', '//foo:80'].map((vip, i) =>
      behind(`t.${i}`, vip, [`9.0.0.${i + 1}`]),
    );
    expect(new Tester().become(...tasks.toReversed()).list).toEqual(new Tester().become(...tasks).list);
  });

  it('give an address that came free to who comes next, in the same step', () => {
    const one = { first: '11.0.0.1', last: '11.0.0.1' };
    const t = new Tester({ ipv4: one }).become(behind('z.1', '/zzz:80', ['9.0.0.1']));
    t.become(behind('a.1', '/aaa:80', ['9.0.0.1']));
    expect(t.records).toEqual(['aaa.marathon.l4lb.thisdcos.directory. A 11.0.0.1']);
    t.become(behind('a.1', '/aaa:80', ['9.0.0.1']), behind('b.1', '/bbb:80', ['9.0.0.2']));
    expect(t.records).toHaveLength(1);
    expect([...t.vips.setAside()]).toEqual([
      { kind: 'label', id: 'bbb.marathon /bbb marathon', reason: 'all addresses for VIPs are taken' },
    ]);
  });
});

describe('VIPs that are an address', () => {
  it('are listed, and have no name', () => {
    const t = new Tester().become(
      behind('a.1', '1.2.3.4:80', ['9.0.0.1', 'fd01:b::1']),
      behind('b.1', 'fd01:c::5:80', ['9.0.0.1', 'fd01:b::1']),
      behind('c.1', '1.2.3.5:80', ['fd01:b::1']),
    );
    expect(t.records).toEqual([]);
    expect(t.list).toEqual(['tcp - 1.2.3.4 80 > 9.0.0.1|8080|1', 'tcp - fd01:c::5 80 > fd01:b::1|8080|1']);
  });
});

describe('the list of VIPs', () => {
  it('has each backend once, with a task that takes connections before one that ends', () => {
    const t = new Tester().become(
      behind('a.1', '/foo:80', ['9.0.0.1']),
      behind('a.2', '/foo:80', ['9.0.0.1'], { state: 'TASK_KILLING' }),
    );
    expect(t.list).toEqual([`tcp ${FOO} ${FOO_IP} 80 > 9.0.0.1|8080|1`]);
  });

  it('has a revision that rises when it changes, and only then', () => {
    const t = new Tester().become(behind('a.1', '/foo:80', ['9.0.0.1']), task('other.1'));
    const first = t.vips.revision;
    t.become(behind('a.1', '/foo:80', ['9.0.0.1'], { startedAtMs: 7 }), task('other.2'));
    expect(t.vips.revision).toBe(first);
    t.become(behind('a.1', '/foo:80', ['9.0.0.1'], { healthy: false }));
    expect(t.vips.revision).toBeGreaterThan(first);
  });

  it('says what was set aside, until it is gone', () => {
    const t = new Tester().become(behind('a.1', 'foo', ['9.0.0.1']));
    expect([...t.vips.setAside()]).toEqual([
      { kind: 'label', id: 'fw-1 a.1', reason: expect.stringContaining('VIP_0=foo') },
    ]);
    t.become(behind('a.1', 'foo:80', ['9.0.0.1']));
    expect([...t.vips.setAside()]).toEqual([]);
    t.become(behind('a.1', 'foo', ['9.0.0.1']));
    t.become();
    expect([...t.vips.setAside()]).toEqual([]);
  });
});

describe('for any history', () => {
  it('nothing is left of what is gone, and backends and families are those of a fresh start', () => {
    const state = fc.constantFrom('TASK_RUNNING' as const, 'TASK_KILLING' as const, 'TASK_STAGING' as const);
    const vip = fc.constantFrom('/foo:80', 'foo:80', '/foo:81', '/bar:80', '1.2.3.4:80', 'bad');
    const ips = fc.constantFrom(['9.0.0.1'], ['fd01:b::1'], ['9.0.0.2', 'fd01:b::2'], []);
    const one = fc
      .tuple(fc.nat(5), vip, ips, state)
      .map(([n, v, i, s]) => behind(`t.${n}`, v, i, { state: s }));
    const content = fc.uniqueArray(one, { selector: (t) => t.key, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 8 }), (history) => {
        const t = new Tester();
        for (const tasks of history) t.become(...tasks);
        const fresh = new Tester().become(...(history.at(-1) ?? []));
        // Which of two names that hash alike came first is history; nothing else is.
        const plain = (list: string[]): string[] =>
          list.map((l) => l.replace(/ (11\.|fd01:c::)[^ ]*/g, '')).sort();
        expect(plain(t.list)).toEqual(plain(fresh.list));
        expect(plain(t.records)).toEqual(plain(fresh.records));
        expect([...t.vips.setAside()].length).toBe([...fresh.vips.setAside()].length);
        t.become();
        expect([t.records, t.list, [...t.vips.setAside()]]).toEqual([[], [], []]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('how many there are', () => {
  it('counts VIPs, and backends by whether they take new connections', () => {
    const tester = new Tester();
    expect(tester.vips.totals()).toEqual({ vips: 0, taking: 0, draining: 0 });
    const ill = behind('b.1', '/foo:1', ['9.0.0.2'], { healthy: false });
    const ending = behind('c.1', '1.2.3.4:80', ['9.0.0.3'], { state: 'TASK_KILLING' });
    tester.become(behind('a.1', '/foo:1', ['9.0.0.1', 'fd01:b::1']), ill, ending);
    expect(tester.vips.totals()).toEqual({ vips: 2, taking: 2, draining: 2 });
    tester.become();
    expect(tester.vips.totals()).toEqual({ vips: 0, taking: 0, draining: 0 });
  });
});

describe('who follows late', () => {
  it('finds what the catalog has already, in pieces', () => {
    const catalog = new HandCatalog();
    const tasks = Array.from({ length: 40 }, (_, i) => behind(`t.${i}`, '/foo:80', [`9.0.0.${i + 1}`]));
    catalog.become({ tasks });
    const vips = new Vips(SETTINGS);
    vips.follow(catalog);
    expect(vips.vips()).toEqual([]);
    let pieces = 0;
    while (vips.work()) pieces++;
    expect(pieces).toBeGreaterThan(2);
    expect(vips.vips()[0]?.backends).toHaveLength(40);
    expect([...vips.keys()].map((key) => vips.vip(key))).toEqual(vips.vips());
  });

  it('hears of a name that went and came back in between as of one change, or none', () => {
    const catalog = new HandCatalog();
    const vips = new Vips(SETTINGS);
    vips.follow(catalog);
    const foo = [behind('t.1', '/foo:80', ['9.0.0.1'])];
    const told = (...contents: (readonly CatalogTask[])[]): VipNameChange[] => {
      for (const tasks of contents) {
        catalog.become({ tasks });
        while (vips.work());
      }
      return [...vips.takeNames()];
    };
    expect(told(foo)).toEqual([{ name: FOO, before: [], after: [FOO_IP] }]);
    expect(told([], foo)).toEqual([]);
    expect(told([], foo, [])).toEqual([{ name: FOO, before: [FOO_IP], after: [] }]);
  });
});

describe('why a backend takes no new connections', () => {
  it.each([
    [{}, 'up', 1],
    [{ healthy: true, hasHealthCheck: true }, 'up', 1],
    [{ healthy: false }, 'unhealthy', 0],
    [{ hasHealthCheck: true }, 'unchecked', 0],
    [{ state: 'TASK_KILLING' as const }, 'ending', 0],
  ])('%j: %s', (more, state, weight) => {
    const t = new Tester().become(behind('t.1', '/foo:80', ['9.0.0.1'], more));
    expect(t.vips.vips()[0]?.backends).toEqual([{ ip: '9.0.0.1', port: 8080, weight, state }]);
  });
});
