import { expect, it } from 'vitest';
import type { App } from '../apps/app.ts';
import { secretOf, taskEnvironment } from './environment.ts';
import { containerOf } from './container.ts';

const secret = { type: 'REFERENCE', reference: { name: 'shop/db' } };
const app = {
  id: '/a',
  version: '1',
  env: { DB: { secret: 'db' }, HOST: { secret: 'db' }, PLAIN: 'x' },
  secrets: { db: { source: 'shop/db' } },
  labels: {},
  networks: [],
  portDefinitions: [],
  container: {
    type: 'MESOS',
    volumes: [
      { containerPath: 'etc/db', secret: 'db' },
      { containerPath: 'data', hostPath: '/srv/data', mode: 'RW' },
    ],
  },
} as unknown as App;

it('secrets of an app go to the agent by the name under which it knows them', () => {
  const variables = taskEnvironment(app, { taskId: 't', host: 'h', ports: [] });
  expect(variables.filter(({ name }) => ['DB', 'HOST', 'PLAIN'].includes(name))).toEqual([
    { name: 'PLAIN', type: 'VALUE', value: 'x' },
    { name: 'DB', type: 'SECRET', secret },
    { name: 'HOST', type: 'SECRET', secret },
  ]);
  expect(containerOf(app, 't', []).container).toEqual({
    type: 'MESOS',
    volumes: [
      { container_path: 'etc/db', mode: 'RO', source: { type: 'SECRET', secret } },
      { container_path: 'data', mode: 'RW', host_path: '/srv/data' },
    ],
  });
  expect(secretOf(app, 'db')).toEqual(secret);
});
