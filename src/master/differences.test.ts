import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AGENT_API_PATH, encodeRecord } from '../mesos/index.ts';
import { agentInfo, operate, post, task, TestAgent, TestScheduler, watchOperator } from './testing/peers.ts';
import { recordChunks } from './testing/record-chunks.ts';
import { answerOf, starter } from './testing/stage.ts';

const start = starter(onTestFinished);
const RESOURCES = Object.entries({ cpus: 0.1, mem: 32, disk: 10 }).map(([name, value]) => {
  return { name, type: 'SCALAR', scalar: { value } };
});

const KB = 1024;

/** Status and text of the answer to UPDATE_FRAMEWORK. */
async function update(scheduler: TestScheduler, more: object): Promise<string> {
  const framework_info = { user: 'root', name: 'test', id: { value: scheduler.id } };
  const call = { framework_id: { value: scheduler.id }, update_framework: { framework_info, ...more } };
  const streamId = { 'mesos-stream-id': scheduler.stream.streamId };
  const type = 'UPDATE_FRAMEWORK';
  const reply = await post(scheduler.running, '/api/v1/scheduler', { type, ...call }, streamId);
  return `${reply.status} ${await reply.text()}`;
}

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

  it('agents speak as schedulers do: a record stream, and calls that name it', async () => {
    const master = await start();
    const agent = await TestAgent.subscribe(master);
    expect(agent.stream.response).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json', 'mesos-stream-id': agent.stream.streamId },
    });
    const pong = { type: 'PONG', agent_id: { value: agent.id } };
    expect((await agent.call({ type: 'PONG' })).status).toBe(202);
    const scheduler = await TestScheduler.subscribe(master);
    const revive = { type: 'REVIVE', framework_id: { value: scheduler.id } };
    const unnamed = "400 All non-subscribe calls should include the 'Mesos-Stream-Id' header";
    expect(await answerOf(master, AGENT_API_PATH, pong)).toBe(unnamed);
    expect(await answerOf(master, '/api/v1/scheduler', revive)).toBe(unnamed);
    // what agents of Mesos send
    for (const message of ['RegisterSlaveMessage', 'ReregisterSlaveMessage', 'PongSlaveMessage'])
      expect(await answerOf(master, `/master/mesos.internal.${message}`, {})).toMatch(/^404/);
  });

  it('a regular expression of offer constraints is limited by the size of its program, and nothing else', async () => {
    const matches = (regex: string): object => {
      const selector = { attribute_name: 'rack' };
      const attribute_constraints = [{ selector, predicate: { text_matches: { regex } } }];
      return { offer_constraints: { role_constraints: { '*': { groups: [{ attribute_constraints }] } } } };
    };
    const master = await start();
    const scheduler = await TestScheduler.subscribe(master);
    expect(await update(scheduler, matches('a{98}'))).toBe('200 ');
    // each of these letters takes RE2, which reads bytes, hundreds of instructions
    expect(await update(scheduler, matches(String.raw`\pL{98}`))).toBe('200 ');
    expect(await update(scheduler, matches('a{99}'))).toMatch(/^400 .* instructions, more than 100$/);
    const small = await start({ config: { offerConstraintsMaxProgramSize: 20 } });
    const other = await TestScheduler.subscribe(small);
    expect(await update(other, matches('a{10}'))).toBe('200 ');
    expect(await update(other, matches('a{30}'))).toMatch(/^400 .* instructions, more than 20$/);
    const flags = await answerOf(small, '/flags');
    expect(flags).toContain('"offer_constraints_re2_max_program_size":"20"');
    expect(flags).not.toContain('offer_constraints_re2_max_mem');
  });

  it('changes of a framework at the same time are done one after the other, and none is refused for another', async () => {
    const master = await start();
    const scheduler = await TestScheduler.subscribe(master);
    const operator = await watchOperator(master);
    await operator.next('SUBSCRIBED');
    const names = ['one', 'two', 'three', 'four'];
    const requests = names.map((name) => {
      const framework_info = { user: 'root', name, id: { value: scheduler.id } };
      const call = { type: 'UPDATE_FRAMEWORK', update_framework: { framework_info } };
      const body = JSON.stringify({ ...call, framework_id: framework_info.id });
      const fields = ['Host: x', `Mesos-Stream-Id: ${scheduler.stream.streamId}`];
      fields.push('Content-Type: application/json', `Content-Length: ${body.length}`);
      return `${['POST /api/v1/scheduler HTTP/1.1', ...fields].join('\r\n')}\r\n\r\n${body}`;
    });
    const socket = connect(master.master.address.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    // all of them are there before the first one has been answered
    socket.write(requests.join(''));
    let answers: string[] = [];
    for (let text = ''; answers.length < names.length; answers = text.match(/HTTP\/1.1 \d{3}/g) ?? [])
      text += String(((await once(socket, 'data')) as [Buffer])[0]);
    expect(answers).toEqual(names.map(() => 'HTTP/1.1 200'));
    for (const name of names)
      expect(await operator.next('FRAMEWORK_UPDATED')).toMatchObject({
        framework_updated: { framework: { framework_info: { name } } },
      });
  });

  it('a record is one chunk however long, but for the first state of a large cluster', async () => {
    const master = await start();
    const attributes = [{ name: 'x', type: 'TEXT' as const, text: { value: 'x'.repeat(300 * KB) } }];
    const join = (port: number): Promise<TestAgent> =>
      TestAgent.subscribe(master, { port, info: agentInfo({ hostname: `h${port}`, attributes }) });
    for (let port = 1; port <= 3; port++) await join(port);
    const operator = recordChunks(master, '/api/v1', { type: 'SUBSCRIBE' }, onTestFinished);
    const { value: state } = await operator.next();
    expect(state.type).toBe('SUBSCRIBED');
    expect(state.sizes.length).toBeGreaterThanOrEqual(3);
    for (const size of state.sizes.slice(0, -1)) expect(size).toBeGreaterThanOrEqual(256 * KB);
    const heartbeat = encodeRecord({ type: 'HEARTBEAT' }).length;
    expect((await operator.next()).value).toEqual({ type: 'HEARTBEAT', sizes: [heartbeat] });
    await join(4);
    const { value: added } = await operator.next();
    expect(added).toEqual({ type: 'AGENT_ADDED', sizes: [expect.any(Number)] });
    expect(added.sizes[0]).toBeGreaterThan(300 * KB);
    const call = { type: 'SUBSCRIBE', subscribe: { framework_info: { user: 'root', name: 'test' } } };
    const scheduler = recordChunks(master, '/api/v1/scheduler', call, onTestFinished);
    for (const type of ['SUBSCRIBED', 'HEARTBEAT'])
      expect((await scheduler.next()).value).toMatchObject({ type, sizes: [expect.any(Number)] });
    master.clock.advance(1);
    const { value: offers } = await scheduler.next();
    expect(offers).toEqual({ type: 'OFFERS', sizes: [expect.any(Number)] });
    expect(offers.sizes[0]).toBeGreaterThan(1200 * KB);
  });
});
