import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentCallProblem, decodeAgentCall } from './agent-call.ts';
import { decode, integer, message, parseJson, repeated, required, text } from './decode.ts';
import { decodeOperatorCall, operatorCallProblem } from './operator-call.ts';
import { decodeSchedulerCall, schedulerCallProblem } from './scheduler-call.ts';

const id = { value: 'x' };
const uuid = Buffer.alloc(16).toString('base64');
const info = { user: 'root', name: 'n' };
const task = { name: 't', task_id: id, agent_id: id, resources: [], command: { value: 'true' } };

describe('JSON to messages', () => {
  it('follows the rules of Mesos', () => {
    const fields = { a: integer, b: repeated(text), c: message({ d: required(text) }) };
    expect(decode(fields, { a: '12', b: 'one', c: null, z: 1 })).toEqual({
      ok: true,
      value: { a: 12, b: ['one'] },
    });
    expect(decode(fields, { b: [null, 'x'], c: { d: 'y', e: {} } })).toEqual({
      ok: true,
      value: { b: ['x'], c: { d: 'y' } },
    });
    expect(decode(fields, { a: [1] })).toEqual({
      ok: false,
      problem: "Not expecting a JSON array for field 'a'",
    });
    expect(decode(fields, { c: {} })).toEqual({ ok: false, problem: 'Missing required fields: c.d' });
    expect(decode(fields, [])).toEqual({ ok: false, problem: 'Expecting a JSON object' });
  });

  it.each([
    ['', 'syntax error at line 1 near: '],
    ['{"type":"GET', 'syntax error at line 1 near: '],
    ['{} trailing', 'Parsed JSON included non-whitespace trailing characters:  trailing'],
  ])('says what is wrong with %j', (body, problem) => {
    expect(parseJson(body)).toEqual({ ok: false, problem });
  });

  it('never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string(), (value, body) => {
        parseJson(body);
        for (const f of [decodeSchedulerCall, decodeOperatorCall, decodeAgentCall]) f(value);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no part that is deeper than protobuf could be, which nobody could read or write', () => {
    const nested = (levels: number): unknown =>
      JSON.parse(`${'{"a":['.repeat(levels / 2)}${']}'.repeat(levels / 2)}`);
    const update = (disk: unknown) => ({
      type: 'SUBSCRIBE',
      subscribe: {
        agent_info: { hostname: 'h', resources: [{ name: 'disk', type: 'SCALAR', disk }] },
        address: { ip: '127.0.0.1', port: 1 },
        version: '1.11.0',
      },
    });
    expect(decodeAgentCall(update(nested(100))).ok).toBe(true);
    for (const levels of [102, 100_000])
      expect(decodeAgentCall(update(nested(levels)))).toEqual({
        ok: false,
        problem: "More than 100 levels of JSON for field 'disk'",
      });
  });

  it('takes no keys of the prototype', () => {
    const decoded = decodeSchedulerCall(
      JSON.parse('{"type":"REVIVE","framework_id":{"value":"f","__proto__":{"x":1}}}'),
    );
    expect(decoded.ok && decoded.value).toEqual({ type: 'REVIVE', framework_id: { value: 'f' } });
    expect(decodeSchedulerCall({ type: 'constructor' })).toEqual({ ok: true, value: {} });
  });
});

/** A call with one error in it, and what the refusal must name. */
const BAD_CALLS: readonly (readonly [Record<string, unknown>, string])[] = [
  [{}, 'type'],
  [{ type: 5 }, 'type'],
  [{ type: 'SUBSCRIBE' }, 'subscribe'],
  [{ type: 'SUBSCRIBE', subscribe: {} }, 'subscribe.framework_info'],
  [{ type: 'SUBSCRIBE', subscribe: { framework_info: { user: 'root' } } }, 'framework_info.name'],
  [{ type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, name: 5 } } }, 'name'],
  [{ type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, checkpoint: 'yes' } } }, 'checkpoint'],
  [
    { type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, failover_timeout: 'soon' } } },
    'failover_timeout',
  ],
  [{ type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, roles: [{}] } } }, 'roles'],
  [
    { type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, labels: { labels: [{}] } } } },
    'labels[0].key',
  ],
  [{ type: 'SUBSCRIBE', subscribe: { framework_info: { ...info, id } } }, 'framework_id'],
  [{ type: 'REVIVE' }, 'framework_id'],
  [{ type: 'REVIVE', framework_id: 'x' }, 'framework_id'],
  [{ type: 'REVIVE', framework_id: {} }, 'framework_id.value'],
  [{ type: 'REVIVE', framework_id: id, revive: { roles: 5 } }, 'roles'],
  [{ type: 'ACCEPT', framework_id: id }, 'accept'],
  [{ type: 'ACCEPT', framework_id: id, accept: { offer_ids: ['x'] } }, 'offer_ids'],
  [{ type: 'ACCEPT', framework_id: id, accept: { filters: { refuse_seconds: {} } } }, 'refuse_seconds'],
  ...(
    [
      [{ ...task, name: undefined }, 'task_infos[0].name'],
      [{ ...task, task_id: undefined }, 'task_infos[0].task_id'],
      [{ ...task, agent_id: 'a' }, 'agent_id'],
      [{ ...task, resources: [{}] }, 'resources[0].name'],
      [{ ...task, resources: [{ name: 'cpus', type: 'FLOAT' }] }, 'resources[0].type'],
      [{ ...task, resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 'x' } }] }, 'value'],
      [{ ...task, command: { value: 1 } }, 'value'],
      [{ ...task, command: { uris: [{}] } }, 'uris[0].value'],
      [{ ...task, command: { environment: { variables: [{}] } } }, 'variables[0].name'],
      [{ ...task, health_check: { http: {} } }, 'health_check.http.port'],
      [{ ...task, kill_policy: { grace_period: {} } }, 'kill_policy.grace_period.nanoseconds'],
      [{ ...task, labels: { labels: [{ value: 'v' }] } }, 'labels[0].key'],
      [{ ...task, discovery: {} }, 'discovery.visibility'],
      [{ ...task, discovery: { visibility: 'CLUSTER', ports: { ports: [{}] } } }, 'ports[0].number'],
      [{ ...task, data: '§' }, 'data'],
    ] as const
  ).map(
    ([bad, field]) =>
      [
        {
          type: 'ACCEPT',
          framework_id: id,
          accept: { offer_ids: [id], operations: [{ type: 'LAUNCH', launch: { task_infos: [bad] } }] },
        },
        field,
      ] as const,
  ),
  [{ type: 'DECLINE', framework_id: id }, 'decline'],
  [{ type: 'KILL', framework_id: id, kill: {} }, 'kill.task_id'],
  [{ type: 'ACKNOWLEDGE', framework_id: id, acknowledge: { agent_id: id, task_id: id } }, 'acknowledge.uuid'],
  [{ type: 'ACKNOWLEDGE', framework_id: id, acknowledge: { agent_id: id, task_id: id, uuid: '!' } }, 'uuid'],
  [
    { type: 'ACKNOWLEDGE', framework_id: id, acknowledge: { agent_id: id, task_id: id, uuid: 'AAAA' } },
    'UUID',
  ],
  [{ type: 'RECONCILE', framework_id: id, reconcile: { tasks: [{}] } }, 'reconcile.tasks[0].task_id'],
  [{ type: 'MESSAGE', framework_id: id, message: { agent_id: id, executor_id: id } }, 'message.data'],
  [{ type: 'SHUTDOWN', framework_id: id, shutdown: { agent_id: id } }, 'shutdown.executor_id'],
  [{ type: 'UPDATE_FRAMEWORK', framework_id: id }, 'update_framework'],
  [
    { type: 'UPDATE_FRAMEWORK', framework_id: id, update_framework: { framework_info: info } },
    'framework_id',
  ],
];

describe('bad calls are refused by the name of the field', () => {
  it.each(BAD_CALLS)('%j names %s', (call, field) => {
    const decoded = decodeSchedulerCall(JSON.parse(JSON.stringify(call)));
    const problem = decoded.ok ? schedulerCallProblem(decoded.value) : decoded.problem;
    expect(problem).toContain(field);
  });

  it('of operators and agents too', () => {
    const operator = (call: unknown): string | undefined => {
      const decoded = decodeOperatorCall(call);
      return decoded.ok ? operatorCallProblem(decoded.value) : decoded.problem;
    };
    expect(operator({ type: 'GET_METRICS' })).toContain('get_metrics');
    expect(operator({ type: 'TEARDOWN', teardown: {} })).toContain('teardown.framework_id');
    expect(operator({ type: 'GET_STATE' })).toBeUndefined();
    const agent = (call: unknown): string | undefined => {
      const decoded = decodeAgentCall(call);
      return decoded.ok ? agentCallProblem(decoded.value) : decoded.problem;
    };
    const subscribe = {
      agent_info: { hostname: 'h' },
      address: { ip: '1.2.3.4', port: 1 },
      version: '1.11.0',
    };
    expect(agent({ type: 'SUBSCRIBE', subscribe })).toBeUndefined();
    expect(agent({ type: 'SUBSCRIBE', subscribe: { ...subscribe, version: 'new' } })).toContain('version');
    expect(
      agent({
        type: 'SUBSCRIBE',
        subscribe: { ...subscribe, agent_info: { hostname: 'h', id: { value: 'a/b' } } },
      }),
    ).toContain('agent_info.id');
    const brought = { framework_id: id, task, state: 'TASK_RUNNING' };
    expect(agent({ type: 'SUBSCRIBE', subscribe: { ...subscribe, tasks: [brought] } })).toContain(
      'frameworks',
    );
    const update = {
      framework_id: id,
      status: { task_id: id, state: 'TASK_RUNNING' },
      latest_state: 'TASK_RUNNING',
    };
    expect(agent({ type: 'UPDATE', agent_id: id, update })).toContain('uuid');
    expect(
      agent({ type: 'UPDATE', agent_id: id, update: { ...update, status: { ...update.status, uuid } } }),
    ).toBeUndefined();
  });
});
