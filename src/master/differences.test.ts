import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { operate, task, TestAgent, TestScheduler } from './testing/peers.ts';
import { answerOf, starter } from './testing/stage.ts';

const start = starter(onTestFinished);
const RESOURCES = Object.entries({ cpus: 0.1, mem: 32, disk: 10 }).map(([name, value]) => {
  return { name, type: 'SCALAR', scalar: { value } };
});

// What docs/reference/mesos-compatibility.md says of how answers differ, and no recording shows.

describe('answers that differ from those of Apache Mesos', () => {
  it('the version is 1.11.0, whatever was built', async () => {
    const master = await start();
    const told = await operate(master, { type: 'GET_VERSION' });
    expect(told).toMatchObject({ get_version: { version_info: { version: '1.11.0' } } });
    expect(await answerOf(master, '/version')).toContain('"version":"1.11.0"');
  });

  it('there are no files', async () => {
    const master = await start();
    const list = { type: 'LIST_FILES', list_files: { path: '/master/log' } };
    const read = { type: 'READ_FILE', read_file: { path: '/master/log', offset: 0 } };
    for (const call of [list, read]) expect(await answerOf(master, '/api/v1', call)).toMatch(/^404/);
    expect(await answerOf(master, '/files/browse?path=/master/log')).toMatch(/^404/);
  });

  it('reservations cannot be changed by operators', async () => {
    const master = await start();
    const agent_id = { value: 'a' };
    const call = { type: 'RESERVE_RESOURCES', reserve_resources: { agent_id, resources: [] } };
    expect(await answerOf(master, '/api/v1', call)).toMatch(/^501/);
  });

  it('nothing is packed by gzip', async () => {
    const master = await start();
    const headers = { 'accept-encoding': 'gzip' };
    const reply = await master.http.request({ method: 'GET', url: `${master.url}/state`, headers });
    expect(reply.headers['content-encoding']).toBeUndefined();
    expect(await reply.text()).toMatch(/^\{/);
  });

  it('a callback of jsonp is a plain name', async () => {
    const master = await start();
    expect(await answerOf(master, '/version?jsonp=a.b')).toMatch(/^200 a\.b\(/);
    expect(await answerOf(master, '/version?jsonp=alert(1)//')).toMatch(/^400/);
  });

  it('HEAD has no body', async () => {
    const master = await start();
    const reply = await fetch(`${master.url}/version`, { method: 'HEAD' });
    expect([reply.status, await reply.text()]).toEqual([200, '']);
  });

  it('the executor of a group is given its framework_id', async () => {
    const master = await start();
    const agent = await TestAgent.subscribe(master);
    const scheduler = await TestScheduler.subscribe(master);
    master.clock.advance(1);
    const offer = await scheduler.offer();
    const executor = { executor_id: { value: 'e' }, resources: RESOURCES, type: 'DEFAULT' };
    const launch_group = { executor, task_group: { tasks: [task('t', agent.id)] } };
    const operations = [{ type: 'LAUNCH_GROUP', launch_group }];
    await scheduler.call('ACCEPT', { offer_ids: [offer.id], operations });
    const { run_task_group } = await agent.stream.next('RUN_TASK_GROUP');
    expect(run_task_group).toMatchObject({ executor_info: { framework_id: { value: scheduler.id } } });
  });

  it('what is no HTTP is told so', async () => {
    const master = await start();
    const socket = connect(master.master.address.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost : x\r\n\r\n');
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('a call of more than 16 MB is refused', async () => {
    const master = await start();
    const call = { type: 'GET_VERSION', more: 'x'.repeat(17 * 1024 * 1024) };
    expect(await answerOf(master, '/api/v1', call)).toMatch(/^413/);
  });
});
