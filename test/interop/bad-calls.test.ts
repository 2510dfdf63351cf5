import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../support/http.ts';
import { Site } from '../support/platform.ts';

// A scheduler call with an error in it is answered with 400 and the name of the field, as Mesos does.

const info = { user: 'nobody', name: 'bad-calls' };
const task = { name: 't', task_id: { value: 't.1' }, agent_id: { value: 'S0' } };
const launch = (wrong: Readonly<Record<string, unknown>>): unknown => ({
  type: 'ACCEPT',
  framework_id: { value: 'F' },
  accept: {
    offer_ids: [{ value: 'O1' }],
    operations: [{ type: 'LAUNCH', launch: { task_infos: [{ ...task, ...wrong }] } }],
  },
});
const framed = (type: string, payload: unknown): unknown => ({
  type,
  framework_id: { value: 'F' },
  [type.toLowerCase()]: payload,
});

const WRONG: readonly (readonly [field: string, call: unknown])[] = [
  ['type', {}],
  ['type', { type: 5 }],
  ['framework_id', { type: 'TEARDOWN' }],
  ['framework_id', { type: 'REVIVE', framework_id: 'F' }],
  ['framework_id.value', { type: 'REVIVE', framework_id: {} }],
  ['subscribe', { type: 'SUBSCRIBE' }],
  ['framework_info', { type: 'SUBSCRIBE', subscribe: {} }],
  ['framework_info.user', { type: 'SUBSCRIBE', subscribe: { framework_info: { name: 'x' } } }],
  ['framework_info.name', { type: 'SUBSCRIBE', subscribe: { framework_info: { user: 'x' } } }],
  [
    'failover_timeout',
    { type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, failover_timeout: 'soon' } } },
  ],
  ['checkpoint', { type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, checkpoint: 'maybe' } } }],
  ['role', { type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, role: 5 } } }],
  ['labels', { type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, labels: 'a=b' } } }],
  [
    'framework_info.id',
    { type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, id: { value: 'F' } } } },
  ],
  ['accept', { type: 'ACCEPT', framework_id: { value: 'F' } }],
  ['offer_ids', framed('ACCEPT', { offer_ids: ['O1'] })],
  ['refuse_seconds', framed('ACCEPT', { filters: { refuse_seconds: 'long' } })],
  [
    'task_infos',
    {
      ...(launch({}) as object),
      accept: { operations: [{ type: 'LAUNCH', launch: { task_infos: ['t'] } }] },
    },
  ],
  ['name', launch({ name: undefined })],
  ['task_id', launch({ task_id: undefined })],
  ['agent_id', launch({ agent_id: undefined })],
  ['resources', launch({ resources: ['cpus:1'] })],
  ['scalar', launch({ resources: [{ name: 'cpus', type: 'SCALAR', scalar: 1 }] })],
  ['value', launch({ resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 'one' } }] })],
  [
    'begin',
    launch({ resources: [{ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 'a', end: 2 }] } }] }),
  ],
  ['command', launch({ command: 'sleep 1' })],
  ['shell', launch({ command: { shell: 'bash', value: 'sleep 1' } })],
  ['discovery', launch({ discovery: [] })],
  ['labels', launch({ labels: [{ key: 'a' }] })],
  ['decline', { type: 'DECLINE', framework_id: { value: 'F' } }],
  ['refuse_seconds', framed('DECLINE', { offer_ids: [], filters: { refuse_seconds: [] } })],
  ['roles', framed('REVIVE', { roles: [5] })],
  ['roles', framed('SUPPRESS', { roles: {} })],
  ['kill', { type: 'KILL', framework_id: { value: 'F' } }],
  ['task_id', framed('KILL', {})],
  [
    'nanoseconds',
    framed('KILL', { task_id: { value: 't' }, kill_policy: { grace_period: { nanoseconds: 'x' } } }),
  ],
  ['acknowledge', { type: 'ACKNOWLEDGE', framework_id: { value: 'F' } }],
  ['uuid', framed('ACKNOWLEDGE', { agent_id: { value: 'S0' }, task_id: { value: 't' }, uuid: '***' })],
  ['UUID', framed('ACKNOWLEDGE', { agent_id: { value: 'S0' }, task_id: { value: 't' }, uuid: 'YWJj' })],
  ['reconcile', { type: 'RECONCILE', framework_id: { value: 'F' } }],
  ['task_id', framed('RECONCILE', { tasks: [{}] })],
  ['executor_id', framed('MESSAGE', { agent_id: { value: 'S0' }, data: '' })],
  ['data', framed('MESSAGE', { agent_id: { value: 'S0' }, executor_id: { value: 'e' }, data: 5 })],
];

describe('wrong scheduler calls', () => {
  let site: Site;
  let url = '';

  beforeAll(async () => {
    site = await Site.make();
    await site.start('master');
    url = `http://127.0.0.1:${site.ports.master}`;
  });
  afterAll(() => site.close());

  it.each(WRONG)('name the field %s: %j', async (field, wrong) => {
    const { status, text } = await call('POST', `${url}/api/v1/scheduler`, wrong);
    expect(status, text).toBe(400);
    expect(text).toContain(field);
  });

  it('what is not JSON is refused, with the place', async () => {
    const { status, text } = await call('POST', `${url}/api/v1/scheduler`, '{"type": ');
    expect(status).toBe(400);
    expect(text).toContain('JSON');
  });

  it('nothing of it left a trace: no framework, and the master is well', async () => {
    const { json } = await call('GET', `${url}/state`);
    expect(json).toMatchObject({ frameworks: [], completed_frameworks: [], unregistered_frameworks: [] });
    expect((await call('GET', `${url}/ready`)).status).toBe(200);
  });
});
