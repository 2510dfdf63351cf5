import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askEngine } from '../../support/dockerd.ts';
import type { TestEngine } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { Site } from '../../support/platform.ts';
import type { Running } from '../../support/platform.ts';

interface AppView {
  readonly tasksRunning: number;
  readonly tasksHealthy: number;
  readonly tasksUnhealthy: number;
  readonly tasks: readonly {
    readonly id: string;
    readonly ports: readonly number[];
    readonly ipAddresses: readonly { readonly ipAddress: string }[];
  }[];
}

/** A whole platform beside the engine, as people use it: through Marathon. */
export function dockerPlatform(engine: () => TestEngine): void {
  describe('an app of Marathon', () => {
    let site: Site;
    let data: string;
    beforeEach(async () => {
      site = await Site.make();
      data = await mkdtemp(join(tmpdir(), 'docker-data-'));
    });
    afterEach(async () => {
      const left = await containers();
      await site.close();
      for (const { Id } of left) await askEngine(engine().socket, 'DELETE', `/containers/${Id}?force=1&v=1`);
      await rm(data, { recursive: true, force: true, maxRetries: 20 });
    });

    const start = (): Promise<Running> =>
      site.start('up', {
        through: ['nsenter', `--net=/run/netns/${engine().namespace}`],
        arguments: Object.entries({
          ...site.settings(),
          'agent.docker.socket': engine().socket,
          'agent.docker.hostPaths': data,
        }).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
        readyMs: 60_000,
      });
    const marathon = async (method: string, path: string, body?: unknown): Promise<unknown> => {
      const given =
        body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)];
      const url = `http://127.0.0.1:${site.ports.marathon}${path}`;
      return JSON.parse(await engine().inside('curl', '-sS', '-X', method, ...given, url)) as unknown;
    };
    const view = async (id: string): Promise<AppView> =>
      ((await marathon('GET', `/v2/apps/${id}?embed=apps.tasks`)) as { app: AppView }).app;
    const containers = async (): Promise<{ Id: string; State: string; Labels: Record<string, string> }[]> =>
      (
        JSON.parse(await askEngine(engine().socket, 'GET', '/containers/json?all=1')) as {
          Id: string;
          State: string;
          Labels: Record<string, string>;
        }[]
      ).filter((c) => c.Labels['rimrock.runtime-dir']?.startsWith(site.data));

    it('is served from its container, checked inside of it, and lives through a kill -9 of the platform', async () => {
      await writeFile(join(data, 'index.html'), 'from the volume');
      const first = await start();
      await marathon('POST', '/v2/apps', {
        id: '/web',
        // the port is that of the container, which nothing listens on at the agent
        cmd: 'test "$PORT_8080" = "$PORT0" && exec httpd -f -p 8080 -h /www',
        cpus: 0.1,
        mem: 32,
        networks: [{ mode: 'container/bridge' }],
        container: {
          type: 'DOCKER',
          docker: { image: 'busybox', parameters: [{ key: 'init', value: 'true' }] },
          portMappings: [{ containerPort: 8080, name: 'http' }],
          volumes: [{ containerPath: '/www', hostPath: data, mode: 'RO' }],
        },
        healthChecks: [
          {
            protocol: 'MESOS_HTTP',
            path: '/',
            portIndex: 0,
            delaySeconds: 0,
            intervalSeconds: 1,
            gracePeriodSeconds: 60,
          },
        ],
      });
      await eventually('the app to be healthy', async () => (await view('web')).tasksHealthy === 1, {
        timeoutMs: 60_000,
        everyMs: 200,
      });
      const [task] = (await view('web')).tasks;
      expect(task?.ipAddresses[0]?.ipAddress).toMatch(/^172\./);
      const get = (): Promise<string> =>
        engine().inside('curl', '-sS', `http://127.0.0.1:${task?.ports[0]}/`);
      expect(await get()).toBe('from the volume');
      const [container] = await containers();

      await first.kill9();
      expect(await get()).toBe('from the volume');
      const second = await start();
      await eventually('the app to be known again', async () => (await view('web')).tasksRunning === 1, {
        timeoutMs: 60_000,
        everyMs: 200,
      });
      expect((await view('web')).tasks[0]?.id).toBe(task?.id);
      expect((await containers()).map((c) => [c.Id, c.State])).toEqual([[container?.Id, 'running']]);

      await marathon('DELETE', '/v2/apps/web');
      await eventually('the container to end', async () => (await containers())[0]?.State === 'exited', {
        timeoutMs: 60_000,
      });
      expect(await second.interrupt()).toBe(0);
    });

    it('whose health check runs in the container, and fails there, is started anew', async () => {
      const running = await start();
      await marathon('POST', '/v2/apps', {
        id: '/sick',
        cmd: 'touch /tmp/well; sleep 3; rm /tmp/well; sleep 1000',
        cpus: 0.1,
        mem: 32,
        container: {
          type: 'DOCKER',
          docker: { image: 'busybox', parameters: [{ key: 'init', value: 'true' }] },
        },
        healthChecks: [
          {
            protocol: 'COMMAND',
            command: { value: 'test -e /tmp/well' },
            delaySeconds: 0,
            intervalSeconds: 1,
            maxConsecutiveFailures: 1,
            gracePeriodSeconds: 60,
          },
        ],
      });
      const healthy = await eventually(
        'a healthy one',
        async () => {
          const { tasksHealthy, tasks } = await view('sick');
          return tasksHealthy === 1 && tasks[0]?.id;
        },
        { timeoutMs: 60_000, everyMs: 100 },
      );
      await eventually('another one', async () => (await view('sick')).tasks.some((t) => t.id !== healthy), {
        timeoutMs: 60_000,
        everyMs: 200,
      });
      await marathon('DELETE', '/v2/apps/sick');
      expect(await running.interrupt()).toBe(0);
    });
  });
}
