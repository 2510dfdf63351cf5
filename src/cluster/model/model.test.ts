import fc from 'fast-check';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { sameValue } from './equal.ts';
import { effectOf } from './event.ts';
import { isIp, isIPv4, isIPv6 } from '../../core/ip.ts';
import { readLabels } from './labels.ts';
import { ClusterModel, diffStates } from './model.ts';
import { readPorts } from './ports.ts';
import { leaderFromV0, stateFromV0, stateFromV1 } from './snapshot.ts';
import { readHistory, readRunningStatus } from './status.ts';
import { readTask } from './task.ts';
import type { ClusterState } from './types.ts';

const CONTEXT = { masters: [], leader: undefined };

/** JSON made of the words that the decoders look for, so that most of it gets past the first check. */
const WORDS = [
  'id agent_id slave_id task_id framework_id value name state statuses labels key discovery ports number',
  'resources ranges range begin end pid hostname active agent_info framework_info tasks unreachable_tasks slaves',
  'frameworks get_tasks get_agents get_frameworks agents type task_added task task_updated status agent_added agent',
  'agent_removed framework_added framework framework_updated framework_removed timestamp container_status',
  'network_infos ip_addresses ip_address leader healthy source reason health_check __proto__ constructor toString',
]
  .join(' ')
  .split(' ');
const leaf = fc.oneof(
  fc.constantFrom(
    'TASK_RUNNING',
    'TASK_FAILED',
    'slave(1)@10.0.0.1:5051',
    '[1-3, 7-7]',
    'a',
    'master@10.0.0.1:5050',
  ),
  fc.constantFrom(
    'TASK_ADDED',
    'TASK_UPDATED',
    'AGENT_ADDED',
    'AGENT_REMOVED',
    'FRAMEWORK_ADDED',
    'SOURCE_MASTER',
  ),
  fc.constantFrom(null, true, 0, -1, 1e308, 5050, '5050', ''),
  fc.string(),
);
const hostile = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 6 },
    leaf,
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...WORDS), tie('json'), { maxKeys: 6 }),
  ),
})).json;

describe('decoding', () => {
  it('never throws, whatever the JSON', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.jsonValue()), hostile, (json, event) => {
        const text: unknown = JSON.parse(JSON.stringify(json) ?? 'null');
        const state = stateFromV1(text, CONTEXT);
        const v0 = stateFromV0({ slaves: text, frameworks: [{ id: 'f', name: 'f', tasks: text }] }, []);
        for (const model of [state, v0, stateFromV0(text, [])]) {
          const effect = effectOf(model, event);
          if (effect.kind === 'changes') for (const change of effect.changes) model.apply(change);
          expect(diffStates(model, model)).toEqual([]);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('tells v4 and v6 literals from other text as Node does', () => {
    const part = fc.constantFrom(
      '0',
      '1',
      '255',
      '256',
      '01',
      '',
      'f',
      'ffff',
      'fffff',
      '::',
      ':',
      '.',
      '10.0.0.1',
      'g',
    );
    const near = fc
      .array(part, { maxLength: 10 })
      .chain((p) => fc.constantFrom(p.join(':'), p.join('.'), p.join('')));
    fc.assert(
      fc.property(fc.oneof(near, fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        if (text.includes('%')) return;
        expect([text, isIPv4(text), isIPv6(text), isIp(text)]).toEqual([
          text,
          isIP(text) === 4,
          isIP(text) === 6,
          isIP(text) !== 0,
        ]);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['[31000-31002, 31005-31005]', [31000, 31001, 31002, 31005], 0],
    ['', [], 0],
    ['[]', [], 0],
    [' [ 1 - 2 ] ', [1, 2], 0],
    ['[31000]', [], 1],
    ['31000-31001', [], 1],
    ['[5-3, 7-7]', [7], 1],
    ['[1-99999999999, 7-8]', [7, 8], 1],
    ['[a-b,1-1]', [1], 1],
    [31000, [], 1],
  ])('reads the ports %j', (text, ports, problems) => {
    const found: string[] = [];
    expect(readPorts({ cpus: 1, ports: text }, found)).toEqual(ports);
    expect(found.length).toBe(problems);
  });

  it('does not let a ports string eat memory', () => {
    const found: string[] = [];
    const many = `[${Array.from({ length: 1000 }, () => '0-65535').join(',')}]`;
    expect(readPorts({ ports: many }, found).length).toBe(65_536);
    expect(found.length).toBe(999);
  });

  it('reads port resources of the v1 API, numeric strings and a bare object too', () => {
    const found: string[] = [];
    const ranges = { range: [{ begin: '10', end: 11 }] };
    const resources = [
      { name: 'cpus' },
      { name: 'ports', ranges },
      { name: 'ports', ranges: { range: { begin: 5, end: 5 } } },
    ];
    expect(readPorts(resources, found)).toEqual([10, 11, 5]);
    expect(found).toEqual([]);
  });

  it('reads labels in both shapes, and names those it cannot read', () => {
    const found: string[] = [];
    const list = [
      { key: 'a', value: 'x' },
      { key: 'b' },
      { value: 'no key' },
      { key: 'c', value: {} },
      { key: 'd', value: 7 },
    ];
    const expected = new Map([
      ['a', 'x'],
      ['b', ''],
      ['d', '7'],
    ]);
    expect(new Map(readLabels(list, found))).toEqual(expected);
    expect(new Map(readLabels({ labels: list }, found))).toEqual(expected);
    expect(found).toEqual([...found.slice(0, 2), ...found.slice(0, 2)]);
    expect(found.slice(0, 2)).toEqual(['labels[2] has no key', "label 'c' has a value that is not text"]);
  });

  it('shows of any labels what a Map of them would, however many there are', () => {
    const text = fc.string({ maxLength: 3 });
    const entry = fc.record({ key: fc.string({ minLength: 1, maxLength: 2 }), value: text });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), text, (list, other) => {
        const labels = readLabels(list, []);
        const map = new Map(list.map(({ key, value }) => [key, value]));
        expect([...labels]).toEqual([...map]);
        expect([labels.size, [...labels.keys()], [...labels.values()]]).toEqual([
          map.size,
          [...map.keys()],
          [...map.values()],
        ]);
        for (const key of [...map.keys(), other])
          expect([labels.has(key), labels.get(key)]).toEqual([map.has(key), map.get(key)]);
        expect([sameValue(labels, map), sameValue(map, labels)]).toEqual([true, true]);
        map.set('other', other);
        expect([sameValue(labels, map), sameValue(map, labels)]).toEqual([false, false]);
      }),
    );
  });

  it.each([
    [1.5, 1500],
    ['2', 2000],
    [1e300, 0],
    [1e306, 0],
    [undefined, 0],
  ])('a status made at %j was made at %d ms', (timestamp, ms) => {
    expect(readRunningStatus({ timestamp }).timestampMs).toBe(ms);
  });

  it.each([
    [{ ip_addresses: [{ ip_address: '10.1.2.3' }], name: 'dcos' }, ['10.1.2.3'], 'dcos'],
    [{ ip_addresses: [{ ip_address: '255.255.255.255' }] }, ['255.255.255.255'], undefined],
    [{ ip_addresses: [{ ip_address: 'fd00::1' }], name: 'six' }, ['fd00::1'], 'six'],
    [
      { ip_addresses: [{ ip_address: '1.2.3.4' }, { ip_address: '::1' }], name: 'two' },
      ['1.2.3.4', '::1'],
      'two',
    ],
    [{ name: 'none' }, [], 'none'],
  ])('shows one network as it was given: %j', (info, ips, name) => {
    const status = readRunningStatus({ timestamp: 1, container_status: { network_infos: [info] } });
    const expected = {
      timestampMs: 1000,
      healthy: undefined,
      netinfoIps: ips,
      dockerIps: [],
      mesosIps: [],
      networks: name === undefined ? [] : [{ name, ips }],
    };
    expect(sameValue(status, expected) && sameValue(expected, status)).toBe(true);
    expect(sameValue(status, { ...expected, netinfoIps: [...ips, '9.9.9.9'] })).toBe(false);
    expect(sameValue(status, { ...expected, healthy: true })).toBe(false);
  });

  it('takes addresses and health from the newest running status only', () => {
    const running = (timestamp: number, ip: string): unknown => ({
      state: 'TASK_RUNNING',
      timestamp,
      healthy: timestamp > 2,
      labels: [
        { key: 'Docker.NetworkSettings.IPAddress', value: `${ip}0` },
        { key: 'MesosContainerizer.NetworkSettings.IPAddress', value: 'not an ip' },
      ],
      container_status: {
        network_infos: [
          { ip_addresses: [{ ip_address: ip }, { ip_address: '' }] },
          { ip_address: 'fd00::1' },
        ],
      },
    });
    const history = [
      running(2, '10.0.0.2'),
      running(3, '10.0.0.3'),
      running(3, '10.0.0.4'),
      { state: 'TASK_KILLING', timestamp: 9 },
    ];
    expect(readHistory(history)).toEqual({
      startedAtMs: 2000,
      running: {
        timestampMs: 3000,
        healthy: true,
        netinfoIps: ['10.0.0.3', 'fd00::1'],
        dockerIps: ['10.0.0.30'],
        mesosIps: [],
        networks: [],
      },
    });
  });

  it.each([
    [undefined, false],
    [null, false],
    ['HTTP', false],
    [{ type: 'HTTP' }, true],
  ])('a task with the health check %j has one: %s', (health_check, has) => {
    const json = { task_id: 't', framework_id: 'f', agent_id: 'a', name: 'n', state: 'TASK_RUNNING' };
    expect(readTask({ ...json, health_check }, 'here').value?.hasHealthCheck).toBe(has);
  });

  it.each([
    ['master@10.0.0.1:5050', { ip: '10.0.0.1', port: 5050 }],
    ['master@[2001:db8::1]:5051', { ip: '2001:db8::1', port: 5051 }],
    ['master@example.com:5050', undefined],
    ['10.0.0.1:5050', undefined],
    [undefined, undefined],
  ])('reads the leader %j', (leader, expected) => {
    expect(leaderFromV0({ leader })).toEqual(expected);
  });
});

describe('bad entities', () => {
  const good = (n: number): unknown => ({
    id: `t${n}`,
    name: `s${n}`,
    slave_id: 'A',
    state: 'TASK_RUNNING',
    statuses: [],
  });
  const document = (tasks: readonly unknown[], slaves: readonly unknown[] = []): ClusterState =>
    stateFromV0(
      {
        slaves: [{ id: 'A', pid: 'slave(1)@10.0.0.1:5051' }, ...slaves],
        frameworks: [{ id: 'F', name: 'f', tasks }],
      },
      [],
    );

  it.each([
    [{ ...(good(1) as object), id: undefined }, 'task frameworks[0].tasks[0]', 'no task id'],
    [{ ...(good(1) as object), slave_id: 7 }, 'task F t1', 'no agent id'],
    [{ ...(good(1) as object), state: 'TASK_DANCING' }, 'task F t1', 'state is not a task state'],
    [{ ...(good(1) as object), name: null }, 'task F t1', 'no name'],
    ['text', 'task frameworks[0].tasks[0]', 'no task id'],
  ])('are left out with the reason (%j)', (bad, id, reason) => {
    const state = document([bad, good(2)]);
    expect([...state.tasks.keys()]).toEqual(['F t2']);
    expect([...state.rejected]).toEqual([[id, expect.objectContaining({ reason })]]);
  });

  it.each([
    [{ id: 'B' }, 'no pid'],
    [{ id: 'B', pid: '' }, "pid '' is not of the form name@host:port"],
    [{ id: 'B', pid: 'slave(1)10.0.0.1' }, "pid 'slave(1)10.0.0.1' is not of the form name@host:port"],
    [{ pid: 'slave(1)@10.0.0.1:5051' }, 'no agent id'],
  ])('never take an agent with them (%j)', (bad, reason) => {
    const state = document([good(1)], [bad]);
    expect([...state.agents.keys()]).toEqual(['A']);
    expect([...state.rejected.values()].map((r) => r.reason)).toEqual([reason]);
  });

  it('are forgotten when they become good, or leave', () => {
    const state = new ClusterModel();
    const take = (event: unknown): void => {
      const effect = effectOf(state, event);
      if (effect.kind !== 'changes') throw new Error(effect.reason);
      for (const change of effect.changes) state.apply(change);
    };
    const added = (agent: unknown): unknown => ({ type: 'AGENT_ADDED', agent_added: { agent } });
    take(added({ agent_info: { id: { value: 'B' } }, pid: 'x' }));
    expect([state.agents.size, state.rejected.size]).toEqual([0, 1]);
    take(added({ agent_info: { id: { value: 'B' } }, pid: 'slave(1)@10.0.0.1:1' }));
    expect([state.agents.size, state.rejected.size]).toEqual([1, 0]);
    const task = { task_id: { value: 't' }, framework_id: { value: 'F' }, name: 't', state: 'TASK_STAGING' };
    take({ type: 'TASK_ADDED', task_added: { task } });
    expect(state.rejected.get('task F t')?.reason).toBe('no agent id');
    const update = (s: string): unknown => ({
      type: 'TASK_UPDATED',
      task_updated: { framework_id: { value: 'F' }, status: { task_id: { value: 't' }, state: s }, state: s },
    });
    take(update('TASK_RUNNING'));
    take(update('TASK_FAILED'));
    expect(state.rejected.size).toBe(0);
  });
});
