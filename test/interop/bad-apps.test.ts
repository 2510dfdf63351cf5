import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appSchema } from '../../src/frameworks/marathon/apps/schema.ts';
import { eventually } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { Marathon } from '../support/marathon.ts';
import { Site } from '../support/platform.ts';
import { root } from '../support/root.ts';

// An app definition or a label set with an error in it gets an answer that names the field, and hurts nobody else.

const GOOD = {
  id: '/good',
  cmd: `exec ${process.execPath} ${join(root, 'test/support/task-server.mjs')}`,
  cpus: 0.1,
  mem: 128,
  portDefinitions: [{ port: 0, name: 'http' }],
  labels: { HAPROXY_GROUP: 'external', HAPROXY_0_VHOST: 'good.example.test' },
};

/** One wrong value for every field of an app: `field` is where the error must be found. */
const WRONG: readonly (readonly [field: string, app: Readonly<Record<string, unknown>>])[] = [
  ['/id', { id: 'Not A Path!' }],
  ['/cmd', { cmd: 5 }],
  ['/args', { cmd: undefined, args: 'ls -l' }],
  ['/user', { user: 7 }],
  ['/env', { env: { A: 1 } }],
  ['/secrets', { secrets: { s: 'plain' } }],
  ['/instances', { instances: -1 }],
  ['/cpus', { cpus: 'many' }],
  ['/mem', { mem: -5 }],
  ['/disk', { disk: 'big' }],
  ['/gpus', { gpus: 0.5 }],
  ['/resourceLimits', { resourceLimits: { cpus: 'all' } }],
  ['/executor', { executor: '//not/one' }],
  ['/executorResources', { executorResources: { cpus: 'x' } }],
  ['/constraints', { constraints: [['hostname', 'NEAR']] }],
  ['/fetch', { fetch: [{ uri: 5 }] }],
  ['/container', { container: { type: 'VM' } }],
  ['/networks', { networks: [{ mode: 'wifi' }] }],
  ['/portDefinitions', { portDefinitions: [{ port: 70_000 }] }],
  ['/requirePorts', { requirePorts: 'yes' }],
  ['/healthChecks', { healthChecks: [{ protocol: 'GOPHER' }] }],
  ['/check', { check: { http: { path: 'no-slash' } } }],
  ['/readinessChecks', { readinessChecks: [{ protocol: 'FTP' }] }],
  ['/backoffSeconds', { backoffSeconds: -1 }],
  ['/backoffFactor', { backoffFactor: 0.5 }],
  ['/maxLaunchDelaySeconds', { maxLaunchDelaySeconds: 'long' }],
  ['/upgradeStrategy', { upgradeStrategy: { minimumHealthCapacity: 2 } }],
  ['/dependencies', { dependencies: '/good' }],
  ['/labels', { labels: { a: 1 } }],
  ['/acceptedResourceRoles', { acceptedResourceRoles: [] }],
  ['/residency', { residency: { taskLostBehavior: 'CRY' } }],
  ['/taskKillGracePeriodSeconds', { taskKillGracePeriodSeconds: -3 }],
  ['/unreachableStrategy', { unreachableStrategy: 'sometimes' }],
  ['/killSelection', { killSelection: 'RANDOM' }],
  ['/tty', { tty: 'vt100' }],
  ['/role', { role: 5 }],
  ['/instancse', { instancse: 3 }],
];

/** Labels that mean something else than they say: each must be reported under its own name. */
const WRONG_LABELS: readonly (readonly [label: string, value: string])[] = [
  ['HAPROXY_0_VHOST', 'not a host!'],
  ['HAPROXY_0_PATH', 'no-slash'],
  ['HAPROXY_0_BALANCE', 'by-the-moon'],
  ['HAPROXY_0_BACKEND_WEIGHT', 'heavy'],
];

describe('wrong app definitions and labels', () => {
  let site: Site;
  let marathon: Marathon;
  let goodTask = '';

  beforeAll(async () => {
    site = await Site.make();
    await site.start('up');
    marathon = new Marathon(site.ports.marathon);
    await marathon.deploy('POST', '/apps', GOOD);
    await marathon.settled();
    goodTask = (await marathon.runningTasks('good'))[0]?.id ?? '';
    await eventually('the good app to answer', goodAnswers);
  });
  afterAll(() => site.close());

  const viaLoadBalancer = (host: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${site.ports.admin}/explain?method=GET&url=http://${host}/`);

  /** Through the load balancer; fetch cannot set Host, so this asks with a raw request. */
  const goodAnswers = async (): Promise<boolean> => {
    const { request } = await import('node:http');
    return new Promise((resolve, reject) => {
      const options = { port: site.ports.http, host: '127.0.0.1', headers: { host: 'good.example.test' } };
      request(options, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      })
        .on('error', reject)
        .end();
    });
  };

  const nothingElseTouched = async (): Promise<void> => {
    expect((await marathon.runningTasks('good')).map((t) => t.id)).toEqual([goodTask]);
    expect(await goodAnswers()).toBe(true);
  };

  it('the table has every field', () => {
    const covered = new Set(WRONG.map(([field]) => field.slice(1)));
    expect(Object.keys(appSchema.shape).filter((key) => !covered.has(key))).toEqual([]);
  });

  it.each(WRONG)('%s: a new app is refused, and the answer names the field', async (field, wrong) => {
    const { status, json, text } = await call('POST', `${marathon.url}/apps`, {
      ...GOOD,
      id: '/wrong',
      labels: {},
      ...wrong,
    });
    expect([400, 422], text).toContain(status);
    const details = json.details as { path: string; errors: string[] }[];
    const found = details.find(
      (d) => d.path === field || d.path.startsWith(`${field}/`) || d.path.startsWith(`${field}(`),
    );
    expect(found?.errors.join().length, text).toBeGreaterThan(3);
  });

  it.each(WRONG.filter(([field]) => field !== '/id'))(
    '%s: an update is refused, and the app stays as it was',
    async (field, wrong) => {
      const before = await marathon.app('good');
      for (const method of ['PUT', 'PATCH']) {
        const { status, text } = await call(method, `${marathon.url}/apps/good`, wrong);
        expect([400, 422], text).toContain(status);
        expect(text).toContain(field.slice(1));
      }
      expect((await marathon.app('good'))['version']).toBe(before['version']);
    },
  );

  it('what is not JSON, or no object, is refused', async () => {
    for (const body of ['{"id": "/wrong", ', '[]', '"app"', '']) {
      const { status, json } = await call('POST', `${marathon.url}/apps`, body);
      expect([400, 422]).toContain(status);
      expect(typeof json.message).toBe('string');
    }
  });

  it('after all of this only the good app is there, untouched', async () => {
    const { json } = await call('GET', `${marathon.url}/apps`);
    expect((json.apps as { id: string }[]).map((a) => a.id)).toEqual(['/good']);
    await nothingElseTouched();
  });

  it('wrong labels are reported one by one, and other routes stay', async () => {
    for (const [i, [label, value]] of WRONG_LABELS.entries()) {
      await marathon.deploy('POST', '/apps', {
        ...GOOD,
        id: `/labels-${i}`,
        instances: 1,
        labels: { HAPROXY_GROUP: 'external', HAPROXY_0_VHOST: `labels-${i}.example.test`, [label]: value },
      });
    }
    await marathon.settled();
    const rejected = await eventually(
      'every wrong label to be reported',
      async () => {
        const { json } = await call('GET', `http://127.0.0.1:${site.ports.admin}/rejected`);
        const rows = (Array.isArray(json) ? json : Object.values(json).flat()).map((row) =>
          JSON.stringify(row),
        );
        return WRONG_LABELS.map(
          ([label], i) =>
            rows.find((r) => r.includes(`labels-${i}`) && r.includes(label)) ?? `none for ${label}`,
        );
      },
      { accept: (seen) => !seen.some((row) => row.startsWith('none')) },
    );
    expect(rejected).toHaveLength(WRONG_LABELS.length);
    expect((await viaLoadBalancer('good.example.test')).status).toBe(200);
    await nothingElseTouched();
  });
});
