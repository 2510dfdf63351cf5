import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Declaration } from '../../src/cluster/catalog/declaration.ts';
import { MarathonFollower } from '../../src/cluster/marathon/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createHttpClient } from '../../src/core/http/client.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { eventually, pause } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { call } from '../support/http.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { Site } from '../support/platform.ts';

// An app with a fixed servicePort is reached there, whatever its tasks are and wherever they run, by HTTP and by TCP.

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One request on a connection of its own; status 0 when the connection broke. */
function ask(port: number, path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const broken = (error: Error): void => resolve({ status: 0, text: error.message });
    get({ port, path, host: '127.0.0.1', agent: false }, (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => (text += piece.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: text.trim() }));
      response.on('error', broken);
    }).on('error', broken);
  });
}

describe('service ports', () => {
  let site: Site;
  let marathon: Marathon;
  let web: number;
  let db: number;

  beforeAll(async () => {
    site = await Site.make();
    [web = 0, db = 0] = await freePorts(2);
    const settings = {
      ...site.settings(),
      'lb.servicePorts.enabled': 'true',
      'lb.servicePorts.min': String(Math.min(web, db)),
      'lb.servicePorts.max': String(Math.max(web, db)),
    };
    const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    await site.start('up', { arguments: set });
    marathon = new Marathon(site.ports.marathon);
    const check = { gracePeriodSeconds: 20, intervalSeconds: 1, timeoutSeconds: 5 };
    await marathon.deploy(
      'POST',
      '/apps',
      httpApp('web', {
        instances: 2,
        labels: { HAPROXY_GROUP: 'external' },
        portDefinitions: [{ port: web, name: 'http', protocol: 'tcp' }],
        healthChecks: [{ protocol: 'HTTP', path: '/', ...check }],
      }),
    );
    await marathon.deploy(
      'POST',
      '/apps',
      httpApp('db', {
        instances: 2,
        labels: { HAPROXY_GROUP: 'external' },
        portDefinitions: [{ port: db, name: 'sql', protocol: 'tcp' }],
        healthChecks: [{ protocol: 'TCP', ...check }],
      }),
    );
    await marathon.settled();
  });
  afterAll(() => site.close());

  it('are open for the apps that have them in Marathon, with the protocol that their check speaks', async () => {
    const { json } = await call('GET', `http://127.0.0.1:${site.ports.admin}/service-ports`);
    const ports = (json as { servicePorts: Record<string, unknown>[] }).servicePorts;
    expect(ports.toSorted((a, b) => (String(a['protocol']) < String(b['protocol']) ? -1 : 1))).toMatchObject([
      { port: web, protocol: 'http', state: 'listening', services: ['marathon/web'] },
      { port: db, protocol: 'tcp', state: 'listening', services: ['marathon/db'] },
    ]);
    for (const [app, port] of [
      ['web', web],
      ['db', db],
    ] as const) {
      const ids = (await marathon.runningTasks(app)).map((task) => task.id);
      const seen = new Set<string>();
      await eventually(`both instances of ${app} to answer`, async () => {
        const { text } = await ask(port, '/');
        expect(ids).toContain(text);
        return seen.add(text).size === ids.length;
      });
    }
  });

  it(
    'serve on while all instances are replaced: no connection breaks, new or old',
    { timeout: 120_000 },
    async () => {
      const before = new Map<string, readonly string[]>();
      for (const app of ['web', 'db'])
        before.set(
          app,
          (await marathon.runningTasks(app)).map((task) => task.id),
        );
      const load = { going: true };
      const failures: string[] = [];
      const seen = new Set<string>();
      /** Connections that last a while, one after another. */
      const keepAsking = async (port: number, ms: number): Promise<number> => {
        let answered = 0;
        for (; load.going; answered++) {
          const { status, text } = await ask(port, `/?ms=${ms}`);
          if (status === 200) seen.add(text);
          else failures.push(`${port}: ${status} ${text}`);
        }
        return answered;
      };
      const asking = [web, db].flatMap((port) => [0, 5, 150, 700].map((ms) => keepAsking(port, ms)));
      await Promise.all(['web', 'db'].map((app) => marathon.deploy('POST', `/apps/${app}/restart`)));
      await marathon.settled(60_000);
      await pause(500);
      load.going = false;
      const answered = await Promise.all(asking);
      expect(failures).toEqual([]);
      expect(Math.min(...answered)).toBeGreaterThan(1);
      for (const app of ['web', 'db']) {
        const after = (await marathon.runningTasks(app)).map((task) => task.id);
        expect(after.some((id) => before.get(app)?.includes(id))).toBe(false);
        for (const id of after) expect(seen).toContain(id);
      }
    },
  );

  it('are learned from a Marathon by its API as well, and changes of it at once', async () => {
    const http = createHttpClient();
    const known = new Map<string, Declaration | undefined>();
    const follower = new MarathonFollower({
      urls: [`http://127.0.0.1:${site.ports.marathon}`],
      refreshMs: 600_000,
      silenceMs: 60_000,
      clock: systemClock,
      random: systemRandom,
      http,
      log: silentLogger,
      emit: ({ services }) => {
        for (const [name, declaration] of services) known.set(name, declaration);
      },
    });
    follower.start();
    const port = (): number | undefined => known.get('web')?.ports[0]?.servicePort;
    await eventually('the apps to be known', () => port() === web);
    expect(known.get('web')?.ports[0]?.check).toMatchObject({ kind: 'http', path: '/', intervalMs: 1_000 });
    expect(follower.view).toMatchObject({ frameworkName: 'marathon', apps: 2, problem: undefined });
    const labels = { HAPROXY_GROUP: 'external', HAPROXY_0_MODE: 'tcp' };
    await marathon.deploy('PATCH', '/apps/web', { labels });
    await eventually(
      'the change to be known',
      () => known.get('web')?.labels.get('HAPROXY_0_MODE') === 'tcp',
    );
    await marathon.settled(60_000);
    await follower.stop();
    await http.close();
  });

  it('close with their app', async () => {
    await marathon.deploy('DELETE', '/apps/db');
    await eventually('the port to be closed', async () => (await ask(db, '/')).text.includes('ECONNREFUSED'));
    expect((await ask(web, '/')).status).toBe(200);
  });
});
