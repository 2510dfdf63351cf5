import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../../core/testing/free-ports.ts';
import { HELLO, Harness, idle, until } from '../../testing/harness.ts';

const harness = new Harness();
afterEach(() => harness.cleanUp());

describe('health checks', () => {
  const servers = new Map<number, Server>();

  /** Ends what listens at `port`; nothing where nothing does, as an ended server must not be ended again. */
  async function release(port: number): Promise<void> {
    const server = servers.get(port);
    servers.delete(port);
    await server?.[Symbol.asyncDispose]();
  }

  async function serve(port: number, status: () => number): Promise<Server> {
    // Of a task that is over, which would have taken its socket with it.
    await release(port);
    const server = createServer((_, response) => {
      response.statusCode = status();
      response.end();
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    servers.set(port, server);
    harness.onCleanUp(() => release(port));
    return server;
  }

  it('kill and replace an instance that stops answering', async () => {
    // Two, and one in place of the one that is killed; below those that the system gives to connections.
    const ports = (await freePorts(6)).map((port) => `${port}-${port}`).join(', ');
    const { master, request } = await harness.setUp([{ resources: `cpus:4;mem:1024;ports:[${ports}]` }]);
    const broken = new Set<string>();
    master.tasks.onLaunch = (task) => {
      const port = task.info.discovery?.ports?.ports?.[0]?.number ?? 0;
      void serve(port, () => (broken.has(task.id) ? 500 : 200)).then(() =>
        master.tasks.update(task.id, 'TASK_RUNNING'),
      );
    };
    const check = {
      protocol: 'HTTP',
      path: '/',
      intervalSeconds: 0,
      maxConsecutiveFailures: 1,
      gracePeriodSeconds: 5,
      timeoutSeconds: 2,
    };
    await request('POST', '/v2/apps', { ...HELLO, instances: 2, healthChecks: [check] });
    await idle(request);
    expect((await request('GET', '/v2/apps/hello')).body.app).toMatchObject({
      tasksHealthy: 2,
      tasksUnhealthy: 0,
    });
    const [victim] = master.running();
    broken.add(victim?.id ?? '');
    await until('it was killed', () => master.tasks.get(victim?.id ?? '')?.state === 'TASK_KILLED');
    await until(
      'two healthy ones',
      async () => (await request('GET', '/v2/apps/hello')).body.app.tasksHealthy === 2,
    );
  });

  it('of the executor count as the task reports them', async () => {
    const { master, request } = await harness.setUp();
    master.tasks.onLaunch = (task) => master.tasks.update(task.id, 'TASK_RUNNING');
    await request('POST', '/v2/apps', {
      ...HELLO,
      instances: 1,
      healthChecks: [{ protocol: 'COMMAND', command: { value: 'true' }, delaySeconds: 0 }],
    });
    await until('it runs', () => master.running()[0]?.state === 'TASK_RUNNING');
    const [task] = master.running();
    expect(task?.info.health_check).toMatchObject({
      type: 'COMMAND',
      command: { shell: true, value: 'true' },
      delay_seconds: 0,
    });
    expect((await request('GET', '/v2/deployments')).body).toHaveLength(1);
    master.tasks.update(task?.id ?? '', 'TASK_RUNNING', { healthy: true });
    await idle(request);
    expect((await request('GET', '/v2/apps/hello')).body.app.tasks[0].healthCheckResults[0].alive).toBe(true);
  });
});
