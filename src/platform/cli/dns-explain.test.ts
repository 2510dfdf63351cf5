import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { seededRandom } from '../../core/random.ts';
import { createCatalogBuilder, stateFromV0 } from '../../cluster/index.ts';
import { createDns, dnsConfigSchema } from '../../dns/index.ts';
import type { Dns } from '../../dns/index.ts';
import { createPortableReactor } from '../../net/index.ts';
import { FakeWorld } from '../testing/fake-world.ts';
import { main } from './main.ts';

const PAGE = 'docs/operations/why-this-answer.md';
const page = readFileSync(new URL(`../../../${PAGE}`, import.meta.url), 'utf8');

/** The cluster of the page: a service with a healthy task, one that fails its check, and one that is starting. */
const task = (n: number, state: string, healthy?: boolean): unknown => ({
  id: `web.${n}`,
  name: 'web',
  framework_id: 'fw-1',
  slave_id: '7f3c-S1',
  state,
  resources: { ports: `[3100${n}-3100${n}]` },
  statuses:
    state === 'TASK_RUNNING'
      ? [
          {
            state,
            timestamp: 1,
            ...(healthy === undefined ? {} : { healthy }),
            container_status: { network_infos: [{ ip_addresses: [{ ip_address: `10.1.0.${n}` }] }] },
          },
        ]
      : [],
});
const STATE = {
  leader: 'master@10.0.0.9:5050',
  slaves: [{ id: '7f3c-S1', hostname: 'node-1.example', pid: 'slave(1)@10.0.0.1:5051', active: true }],
  frameworks: [
    {
      id: 'fw-1',
      name: 'marathon',
      active: true,
      tasks: [task(1, 'TASK_RUNNING', true), task(2, 'TASK_RUNNING', false), task(3, 'TASK_STAGING')],
    },
  ],
};

let dns: Dns;
let api = '';
beforeAll(async () => {
  const step = createCatalogBuilder({ emptyServiceMs: 60_000 }).apply(
    { kind: 'snapshot', state: stateFromV0(STATE, []) },
    0,
  );
  if (!step) throw new Error('there is no first state');
  dns = createDns({
    config: dnsConfigSchema.parse({
      port: 0,
      httpPort: 0,
      workers: 1,
      resolvers: ['192.0.2.53'],
      zoneResolvers: { 'corp.example': ['192.0.2.99'] },
      records: [{ name: 'intranet.mesos', type: 'CNAME', value: 'www.corp.example' }],
    }),
    catalog: { current: step.version, onChange: () => () => {} },
    reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    metrics: new Metrics(),
    health: new Health(),
    later: (work) => work(),
  });
  await dns.start();
  api = `http://127.0.0.1:${dns.addresses.http?.port}`;
});
afterAll(() => dns.stop());

async function call(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const world = new FakeWorld();
  const status = await main(words, world);
  return { status, out: world.stdout, err: world.stderr };
}

/** The commands of the page, each with what it prints. */
const transcript = [...page.matchAll(/^```\n\$ rimrock (dns explain [^\n]*)\n([^]*?)^```$/gm)];

describe(PAGE, () => {
  it('has commands', () => {
    expect(transcript.length).toBeGreaterThan(3);
  });

  it.each(transcript.map(([, command = '', output = '']) => [command, output]))(
    '%s',
    async (command, output) => {
      expect((await call(...command.split(' '), '--api', api)).out).toBe(output);
    },
  );
});

describe('rimrock dns explain', () => {
  it.each([
    ['web.marathon.mesos', 0],
    ['www.example.com', 0],
    ['localhost', 0],
    ['web.marathon.mesos AAAA', 3],
    ['nope.mesos', 3],
    ['www.example.com A --client 198.51.100.1', 3],
  ])('%s ends with %i', async (words, status) => {
    expect((await call('dns', 'explain', ...words.split(' '), '--api', api)).status).toBe(status);
  });

  it('prints what the API says', async () => {
    const { status, out } = await call('dns', 'explain', 'leader.mesos', '--json', '--api', api);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      answer: { records: [{ from: [{ kind: 'master', leads: true }] }] },
    });
    expect(out).toBe(await (await fetch(`${api}/explain?name=leader.mesos&type=A`)).text());
  });

  it('says why it could not ask', async () => {
    const gone = await call('dns', 'explain', 'web.mesos', '--api', 'http://127.0.0.1:1');
    expect([gone.status, gone.out]).toEqual([1, '']);
    expect(gone.err).toMatch(/^http:\/\/127\.0\.0\.1:1 cannot be asked: .*Is DNS running/);
    const bad = await call('dns', 'explain', 'web.mesos', 'NOPE', '--api', api);
    expect([bad.status, bad.err]).toEqual([1, expect.stringContaining('says 400: type is not one of')]);
    expect((await call('dns', 'explain', 'web.mesos', '--api', 'nonsense')).err).toContain('is not a URL');
  });

  it('is wrong usage without a name, and explains itself', async () => {
    expect((await call('dns', 'explain')).status).toBe(2);
    expect((await call('dns', 'nope')).status).toBe(2);
    const help = await call('dns', 'explain', '--help');
    expect([help.status, help.out]).toEqual([0, expect.stringContaining('Exit status:')]);
    expect((await call()).out).toContain('rimrock dns explain web.marathon.mesos');
  });
});
