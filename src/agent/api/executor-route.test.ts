import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApi, listen } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import { encodeRecord } from '../../mesos/index.ts';
import type { ExecutorInfo, TaskStatus } from '../../mesos/index.ts';
import { createExecutorTokens } from '../executors/tokens.ts';
import type { ExecutorTokens } from '../executors/tokens.ts';
import { Tasks } from '../tasks/tasks.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { MemoryCheckpoints, MemoryDisk } from '../testing/memory-checkpoints.ts';
import { fakeContext, FRAMEWORK, settle, taskInfo } from '../testing/task-context.ts';
import { addExecutorRoute } from './executor-route.ts';

const EXECUTOR: ExecutorInfo = {
  executor_id: { value: 'ex' },
  type: 'CUSTOM',
  command: { shell: false, value: 'patient' },
};
const IDS = { framework_id: { value: 'fw-1' }, executor_id: { value: 'ex' } };
const UUID = Buffer.alloc(16, 1).toString('base64');
const status = (extra: Partial<TaskStatus> = {}): TaskStatus => ({
  task_id: { value: 't' },
  state: 'TASK_RUNNING',
  source: 'SOURCE_EXECUTOR',
  uuid: UUID,
  ...extra,
});
const update = (extra: Partial<TaskStatus> = {}) => ({
  ...IDS,
  type: 'UPDATE',
  update: { status: status(extra) },
});
const SUBSCRIBE = { ...IDS, type: 'SUBSCRIBE', subscribe: {} };

describe('POST /api/v1/executor', () => {
  let api: Api;
  let url: string;
  let tasks: Tasks;
  let state: 'closed' | 'recovering' | 'open';
  let tokens: ExecutorTokens | undefined;
  const sent: TaskStatus[] = [];
  const messages: string[] = [];

  beforeEach(async () => {
    sent.length = 0;
    messages.length = 0;
    state = 'open';
    tokens = undefined;
    tasks = new Tasks(
      fakeContext({
        launcher: new FakeMachine().launcher(),
        checkpoints: new MemoryCheckpoints(new MemoryDisk()),
        send: (_framework, one) => void sent.push(one),
      }),
    );
    tasks.resume();
    tasks.runInExecutor('agent-1', FRAMEWORK, EXECUTOR, [taskInfo('t', { executor: EXECUTOR })], {
      group: false,
      launch: true,
    });
    await settle();
    api = createApi();
    addExecutorRoute(api, '', {
      state: () => state,
      get tokens() {
        return tokens;
      },
      knowsFramework: (id) => tasks.framework(id) !== undefined,
      find: (frameworkId, executorId) => tasks.executors.find(frameworkId, executorId),
      sendMessage: (_executor, data) => void messages.push(data),
    });
    url = `http://127.0.0.1:${await listen(api, '127.0.0.1', 0)}/api/v1/executor`;
  });
  afterEach(() => api.close());

  const post = async (body: unknown, headers: Record<string, string> = {}, method = 'POST') => {
    const response = await fetch(url, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(method === 'GET' ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return [response.status, await response.text()];
  };

  /** The stream of a subscription, a chunk at a time. */
  async function subscribe(headers: Record<string, string> = {}) {
    const request = httpRequest(url, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    });
    request.end(JSON.stringify(SUBSCRIBE));
    const [response] = await once(request, 'response');
    const chunks: string[] = [];
    const waiting = new Set<() => void>();
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk.toString());
      for (const look of waiting) look();
    });
    const event = (n: number): Promise<Record<string, unknown>> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (chunks.length <= n) return;
          waiting.delete(look);
          resolve(JSON.parse(chunks[n]?.split('\n')[1] ?? ''));
        };
        waiting.add(look);
        look();
      });
    response.on('error', () => {}); // cut off at the end of a test
    const ended = new Promise<void>((resolve) => response.on('close', resolve));
    return { response, chunks, event, ended };
  }

  it('refuses in the order and with the words of Mesos', async () => {
    expect(await post('', {}, 'GET')).toEqual([
      405,
      "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.",
    ]);
    expect(await post('x', { 'content-type': 'text/plain' })).toEqual([
      415,
      "Expecting 'Content-Type' of application/json or application/x-protobuf",
    ]);
    const problems: [unknown, string][] = [
      [{ ...IDS }, "Expecting 'type' to be present"],
      [{ ...IDS, type: 'SUBSCRIBE' }, "Expecting 'subscribe' to be present"],
      [{ ...IDS, type: 'UPDATE' }, "Expecting 'update' to be present"],
      [{ ...IDS, type: 'MESSAGE' }, "Expecting 'message' to be present"],
      [
        { ...IDS, type: 'UPDATE', update: { status: { task_id: { value: 't' }, state: 'TASK_RUNNING' } } },
        "Expecting 'uuid' to be present",
      ],
      [update({ uuid: 'AAAA' }), 'Not a valid UUID'],
      [
        update({ executor_id: { value: 'other' } }),
        'ExecutorID in Call: ex does not match ExecutorID in TaskStatus: other',
      ],
      [
        update({ source: 'SOURCE_AGENT' }),
        "Received Call from executor ex of framework fw-1 with invalid source, expecting 'SOURCE_EXECUTOR'",
      ],
      [
        update({ state: 'TASK_STAGING' }),
        'Received Call from executor ex of framework fw-1 with TASK_STAGING, which is not allowed',
      ],
      [update({ check_status: { type: 'TCP' } }), "Expecting 'tcp' to be present in 'check_status'"],
    ];
    for (const [call, text] of problems)
      expect(await post(call)).toEqual([400, `Failed to validate Executor::Call: ${text}`]);
    expect(await post({ type: 'HEARTBEAT' })).toEqual([
      400,
      'Failed to convert JSON into Call protobuf: Missing required fields: framework_id, executor_id',
    ]);
    expect((await post('{'))[0]).toBe(400);
    expect((await post(SUBSCRIBE, { accept: 'text/html' }))[0]).toBe(406);
    const stranger = { framework_id: { value: 'x' }, executor_id: { value: 'y' } };
    expect(await post({ ...stranger, type: 'HEARTBEAT' })).toEqual([202, '']);
    expect(await post({ ...SUBSCRIBE, ...stranger })).toEqual([400, 'Framework cannot be found']);
    expect(await post({ ...SUBSCRIBE, executor_id: { value: 'y' } })).toEqual([
      400,
      'Executor cannot be found',
    ]);
    expect(await post(update())).toEqual([403, 'Executor is not subscribed']);
    expect(await post({ ...IDS, type: 'MESSAGE', message: { data: 'AA==' } })).toEqual([
      403,
      'Executor is not subscribed',
    ]);
  });

  it('hears nobody before the checkpoints are read, and only SUBSCRIBE while executors are waited for', async () => {
    state = 'closed';
    expect(await post(SUBSCRIBE)).toEqual([503, 'Agent has not finished recovery']);
    state = 'recovering';
    expect(await post(update())).toEqual([503, 'Agent has not finished recovery']);
    expect(await post({ ...IDS, type: 'HEARTBEAT' })).toEqual([202, '']);
    const { event } = await subscribe();
    expect(await event(0)).toMatchObject({ type: 'SUBSCRIBED' });
  });

  it('streams a record a chunk, without a stream id, and acknowledges what is on disk', async () => {
    const { response, chunks, event } = await subscribe();
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      'content-type': 'application/json',
      'transfer-encoding': 'chunked',
    });
    expect(response.headers['mesos-stream-id']).toBeUndefined();
    expect(await event(0)).toEqual({
      type: 'SUBSCRIBED',
      subscribed: {
        executor_info: EXECUTOR,
        framework_info: FRAMEWORK,
        agent_info: { hostname: 'agent.example.test', port: 5051, resources: [] },
        container_id: { value: expect.any(String) },
      },
    });
    const launch = await event(1);
    expect(launch).toMatchObject({ type: 'LAUNCH', launch: { task: { task_id: { value: 't' } } } });
    expect(chunks[1]).toBe(Buffer.from(encodeRecord(launch)).toString());
    expect(await post(update({ message: 'up' }))).toEqual([202, '']);
    const acknowledged = { task_id: { value: 't' }, uuid: UUID };
    expect(await event(2)).toEqual({ type: 'ACKNOWLEDGED', acknowledged });
    expect(await post(update())).toEqual([202, '']); // again: dropped, and acknowledged
    expect(await event(3)).toEqual({ type: 'ACKNOWLEDGED', acknowledged });
    expect(await post(update({ task_id: { value: 'stranger' } }))).toEqual([202, '']);
    expect(await event(4)).toMatchObject({ acknowledged: { task_id: { value: 'stranger' } } });
    expect(sent).toMatchObject([
      {
        state: 'TASK_RUNNING',
        message: 'up',
        agent_id: { value: 'agent-1' },
        executor_id: { value: 'ex' },
        container_status: { executor_pid: 100 },
      },
    ]);
    expect(await post({ ...IDS, type: 'MESSAGE', message: { data: 'aGk=' } })).toEqual([202, '']);
    expect(messages).toEqual(['aGk=']);
    expect(await post({ ...IDS, type: 'UNKNOWN' })).toEqual([501, '501 Not Implemented.']);
    tasks.executors.message('fw-1', 'ex', 'eW8=');
    expect(await event(5)).toEqual({ type: 'MESSAGE', message: { data: 'eW8=' } });
    tasks.kill('agent-1', 'fw-1', 't', { grace_period: { nanoseconds: 5 } });
    const kill = { task_id: { value: 't' }, kill_policy: { grace_period: { nanoseconds: 5 } } };
    expect(await event(6)).toEqual({ type: 'KILL', kill });
  });

  it('closes the earlier stream of who subscribes again, and sends away who is to end', async () => {
    const first = await subscribe();
    await first.event(1);
    await post(update());
    await first.event(2);
    const second = await subscribe();
    await first.ended;
    expect(await second.event(0)).toMatchObject({ type: 'SUBSCRIBED' });
    tasks.executors.shutdown('fw-1', 'ex');
    expect(await second.event(1)).toEqual({ type: 'SHUTDOWN' });
    const third = await subscribe();
    expect(await third.event(0)).toEqual({ type: 'SHUTDOWN' });
  });

  it('asks for a token where there is a secret, and whose it is', async () => {
    tokens = createExecutorTokens('a secret of the agent');
    const place = tasks.executors.find('fw-1', 'ex')!.place;
    const bearer = async (from: ExecutorTokens, extra = {}) => ({
      authorization: `Bearer ${await from.issue({ ...place, ...extra })}`,
    });
    expect(await post(SUBSCRIBE)).toEqual([401, '401 Unauthorized.']);
    expect((await post(SUBSCRIBE, { authorization: 'Bearer x.y.z' }))[0]).toBe(401);
    expect((await post(SUBSCRIBE, await bearer(createExecutorTokens('another'))))[0]).toBe(401);
    for (const other of [{ containerId: 'c' }, { executorId: 'e' }, { frameworkId: 'f' }])
      expect(await post(SUBSCRIBE, await bearer(tokens, other))).toEqual([403, '403 Forbidden.']);
    const { event } = await subscribe(await bearer(tokens));
    expect(await event(0)).toMatchObject({ type: 'SUBSCRIBED' });
  });
});
