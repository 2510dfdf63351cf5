import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { call } from './http.ts';
import { root } from './root.ts';

export interface AppTask {
  readonly id: string;
  readonly state: string;
  readonly ports: readonly number[];
}

/** An app of small HTTP servers that is published as `<name>.example.test`; `more` adds to it. */
export function httpApp(name: string, more: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    id: `/${name}`,
    cmd: `exec ${process.execPath} ${join(root, 'test/support/task-server.mjs')}`,
    cpus: 0.1,
    mem: 128,
    portDefinitions: [{ port: 0, name: 'http', protocol: 'tcp' }],
    labels: { HAPROXY_GROUP: 'external', HAPROXY_0_VHOST: `${name}.example.test` },
    ...more,
  };
}

/** A client of the Marathon API under test, as far as the tests need one. */
export class Marathon {
  readonly url: string;

  constructor(port: number) {
    this.url = `http://127.0.0.1:${port}/v2`;
  }

  /** Do something that starts a deployment; rejects unless it was taken. */
  async deploy(method: string, path: string, body?: unknown): Promise<void> {
    const answer = await call(method, `${this.url}${path}`, body);
    if (answer.status < 200 || answer.status > 299) {
      throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    }
  }

  /** Wait until no deployment runs. */
  async settled(timeoutMs = 30_000): Promise<void> {
    await eventually(
      'all deployments to finish',
      async () => {
        const { json } = await call('GET', `${this.url}/deployments`);
        return Array.isArray(json) && (json.length === 0 || JSON.stringify(json).slice(0, 500));
      },
      { timeoutMs, accept: (seen) => seen === true },
    );
  }

  async tasks(app: string): Promise<AppTask[]> {
    const { json } = await call('GET', `${this.url}/apps/${app}/tasks`);
    return (json?.tasks ?? []) as AppTask[];
  }

  async runningTasks(app: string): Promise<AppTask[]> {
    return (await this.tasks(app)).filter((t) => t.state === 'TASK_RUNNING');
  }

  async app(app: string): Promise<Record<string, unknown>> {
    const { json } = await call('GET', `${this.url}/apps/${app}`);
    return json.app as Record<string, unknown>;
  }
}
