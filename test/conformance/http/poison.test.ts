import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import type { Random } from '../../../src/core/random.ts';
import { eventually } from '../../support/eventually.ts';
import { call } from '../../support/http.ts';
import { Client } from './support/client.ts';
import { stateOfApps } from './support/cluster.ts';
import type { App } from './support/cluster.ts';
import { SEED, sized, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { OriginProcess } from './support/origins.ts';
import { report } from './support/report.ts';

// L16: the labels of one service, whatever they are, are nothing to all others.

const SERVICES = 500;
const MUTATIONS = sized(20, 100);
/** That many services at a time. */
const TOGETHER = 10;
const BAD = new Set(['marathon/app-250']);
const WEIRD = [
  '\0',
  '\n',
  '"',
  '{{',
  '}}',
  '%s',
  '/',
  '..',
  '*',
  ' ',
  ',',
  '\u00e4',
  '\ud83d\ude00',
  '-1',
  '999999999999',
  '$(x)',
  '`',
];

describe('L16: poisoned labels', () => {
  let edge: EdgeUnderTest;
  let origin: OriginProcess;
  let apps: App[];

  beforeAll(async () => {
    origin = await OriginProcess.start();
    apps = Array.from({ length: SERVICES }, (_, i) => ({
      name: `app-${i}`,
      ports: [origin.port],
      labels: {
        HAPROXY_GROUP: 'external',
        HAPROXY_0_VHOST: `app-${i}.test`,
        ...(i % 3 === 0 ? { HAPROXY_0_PATH: `/part-${i}` } : {}),
        ...(i % 5 === 0
          ? {
              'rimrock.http.web.host': `web-${i}.test`,
              'rimrock.http.web.pathPrefix': '/api',
              'rimrock.http.web.balance': 'roundrobin',
            }
          : {}),
      },
    }));
    edge = await startEdge({ state: stateOfApps(apps) });
  });
  afterAll(async () => {
    await edge.close();
    await origin.close();
  });

  /** What is routed to each service. */
  const routes = async (): Promise<Map<string, string>> => {
    const { json } = await call('GET', `${edge.admin}/routes`);
    const all = new Map<string, string>();
    for (const route of json.routes)
      all.set(route.service, (all.get(route.service) ?? '') + JSON.stringify(route));
    return all;
  };
  let marks = 0;
  /** Make this the state of the cluster, and wait until it is what is routed. */
  const publish = async (next: readonly App[]): Promise<Map<string, string>> => {
    const host = `mark-${++marks}.test`;
    const mark = {
      name: 'mark',
      ports: [origin.port],
      labels: { HAPROXY_GROUP: 'external', HAPROXY_0_VHOST: host },
    };
    edge.master.getState = stateOfApps([...next, mark]);
    const again = edge.master.nextStream();
    edge.master.endStreams();
    await again;
    return eventually(
      'the next state to be routed',
      async () => {
        const all = await routes();
        return (all.get('marathon/mark') ?? '').includes(host) && all;
      },
      { timeoutMs: 20_000 },
    );
  };
  const differences = (
    before: ReadonlyMap<string, string>,
    after: ReadonlyMap<string, string>,
    but: ReadonlySet<string>,
  ): string[] =>
    [...before].flatMap(([service, route]) =>
      but.has(service) || service === 'marathon/mark' || after.get(service) === route ? [] : [service],
    );

  it('one bad set of labels among 500: it is named, and all others are the same to the byte', async () => {
    const before = await publish(apps);
    expect(before.size).toBe(SERVICES + 1);
    const bad = apps.map((app, i) =>
      i === 250
        ? {
            ...app,
            labels: {
              HAPROXY_GROUP: 'external',
              HAPROXY_0_VHOST: 'not a host!',
              'rimrock.http.x.pathRegex': '(((',
              'rimrock.http.x.balance': 'best',
            },
          }
        : app,
    );
    const after = await publish(bad);
    const { json } = await call('GET', `${edge.admin}/rejected`);
    const reasons = json.rejected.filter((r: { service: string }) => r.service === 'marathon/app-250');
    report(
      'L16',
      `${SERVICES} services, one bad: ${differences(before, after, BAD).length} others changed; ${json.rejected.length} rejections, ${reasons.length} of it: ${reasons[0]?.reason}`,
    );
    expect(differences(before, after, BAD)).toEqual([]);
    expect(after.size).toBe(SERVICES);
    expect(json.rejected.length).toBeGreaterThan(0);
    expect(reasons.length).toBe(json.rejected.length);
    for (const { reason } of reasons) expect(reason.length).toBeGreaterThan(10);
    expect((await publish(apps)).get('marathon/app-250')).toBe(before.get('marathon/app-250'));
  });

  const mutated = (labels: Readonly<Record<string, string>>, random: Random): Record<string, string> => {
    const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
    const broken = (text: string): string => {
      const at = random.int(text.length + 1);
      if (random.int(3) === 0) return text.slice(0, at) + text.slice(at + 1 + random.int(4));
      return text.slice(0, at) + pick(WEIRD) + text.slice(at + random.int(2));
    };
    const entries = Object.entries(labels);
    for (let n = 1 + random.int(3); n > 0; n--) {
      const i = random.int(entries.length);
      const [key, value] = entries[i] as [string, string];
      if (random.int(4) === 0) entries.push([broken(key), pick(entries)[1]]);
      else entries[i] = random.int(2) === 0 ? [broken(key), value] : [key, broken(value)];
    }
    return Object.fromEntries(entries);
  };

  it(`${MUTATIONS} mutations of labels, ten services at a time: the others stay as they are (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const before = await publish(apps);
    const client = new Client(edge.port, 'app-1.test');
    let rejected = 0;
    for (let n = 0; n < MUTATIONS; n += TOGETHER) {
      const victims = new Map<number, App>();
      while (victims.size < TOGETHER) {
        const i = 2 + random.int(SERVICES - 2);
        const app = apps[i] as App;
        victims.set(i, { ...app, labels: mutated(app.labels, random) });
      }
      const names = new Set([...victims.keys()].map((i) => `marathon/app-${i}`));
      const after = await publish(apps.map((app, i) => victims.get(i) ?? app));
      expect(differences(before, after, names), JSON.stringify([...victims.values()])).toEqual([]);
      const { json } = await call('GET', `${edge.admin}/rejected`);
      rejected += new Set(json.rejected.map((r: { service: string }) => r.service)).size;
      for (const { service } of json.rejected) expect(names).toContain(service);
      expect((await client.ask()).status).toBe(200);
    }
    client.close();
    report(
      'L16',
      `seed ${SEED}: ${MUTATIONS} mutations, ${rejected} with rejections, all others the same each time`,
    );
    expect(rejected).toBeGreaterThan(MUTATIONS / 10);
  });
});
