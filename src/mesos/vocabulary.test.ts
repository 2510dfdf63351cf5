import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idProblem, roleProblem } from './ids.ts';
import { ipToUint32, parseUpid } from './pid.ts';
import { holdsResources, isTaskState, isTerminal, nextTaskState, TASK_STATES } from './task-state.ts';

const state = fc.constantFrom(...TASK_STATES);

describe('task states', () => {
  it('terminal states are final under any sequence of reports', () => {
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 20 }), (reports) => {
        let at = reports[0] ?? 'TASK_STAGING';
        for (const r of reports) {
          const next = nextTaskState(at, r);
          expect(next).toBe(isTerminal(at) ? at : r);
          at = next;
        }
      }),
    );
  });

  it('knows which states hold resources', () => {
    expect(TASK_STATES.filter(holdsResources)).toEqual([
      'TASK_STAGING',
      'TASK_STARTING',
      'TASK_RUNNING',
      'TASK_KILLING',
      'TASK_UNKNOWN',
    ]);
    expect(isTaskState('TASK_RUNNING')).toBe(true);
    expect(isTaskState('task_running')).toBe(false);
  });
});

describe('libprocess addresses', () => {
  it.each([
    ['master@10.0.0.1:5050', { name: 'master', host: '10.0.0.1', port: 5050 }],
    [' "slave(1)@10.0.0.2:5051" ', { name: 'slave(1)', host: '10.0.0.2', port: 5051 }],
    ['slave(1)@[2001:db8::1]:5051', { name: 'slave(1)', host: '2001:db8::1', port: 5051 }],
    ['slave(1)@node-1.example:5051', { name: 'slave(1)', host: 'node-1.example', port: 5051 }],
  ])('%j is read', (text, upid) => expect(parseUpid(text)).toEqual(upid));

  it.each(['', 'x', '@', 'a@b', 'a@b:', 'a@b:0', 'a@b:65536', 'a@b@c:1', 'a@::1:5'])('%j is none', (text) =>
    expect(parseUpid(text)).toBeUndefined(),
  );

  it('packs an address as Mesos does', () => {
    expect(ipToUint32('127.0.0.1')).toBe(16777343);
    expect(ipToUint32('::1')).toBe(0);
  });
});

describe('ids and roles', () => {
  it.each(['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'x'.repeat(256), 'ü'.repeat(128), '日'.repeat(86)])(
    'id %j is refused',
    (id) => expect(idProblem(id)).toBeDefined(),
  );
  it.each(['a', 'web.1', 'ü', 'x'.repeat(255), 'ü'.repeat(127), '日'.repeat(85)])('id %j is fine', (id) =>
    expect(idProblem(id)).toBeUndefined(),
  );
  it.each(['', '/a', 'a/', 'a//b', 'a/.', '-a', 'a/*', 'a b'])('role %j is refused', (r) =>
    expect(roleProblem(r)).toBeDefined(),
  );
  it.each(['*', 'web', 'web/eu-1'])('role %j is fine', (r) => expect(roleProblem(r)).toBeUndefined());
});
