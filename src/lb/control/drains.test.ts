import { describe, expect, it } from 'vitest';
import type { BackendSpec } from '../plane/messages.ts';
import { Drains } from './drains.ts';

const spec = (serviceKey: string, ...tasks: string[]): BackendSpec => ({
  key: `${serviceKey}#0`,
  serviceKey,
  hasInstances: true,
  policy: { balance: 'p2c' },
  endpoints: tasks.map((taskId) => ({
    key: taskId,
    taskId,
    ip: '10.0.0.1',
    port: 1,
    phase: 'up',
    healthy: undefined,
  })),
});

describe('what an operator takes out of service', () => {
  const told: (readonly string[])[] = [];
  let specs = [spec('a', 'a1', 'a2'), spec('b', 'b1')];
  const drains = new Drains({ specs: () => specs, onChange: (keys) => told.push(keys) });
  const phases = (): Record<string, string> =>
    Object.fromEntries(specs.flatMap((s) => drains.applied(s).endpoints.map((e) => [e.taskId, e.phase])));

  it('is one task, or all of a service, until it is let in again', () => {
    expect(drains.set({ task: 'a2' }, true)).toBe(true);
    expect(drains.set({ service: 'b' }, true)).toBe(true);
    expect(told).toEqual([['a'], ['b']]);
    expect(phases()).toEqual({ a1: 'up', a2: 'draining', b1: 'draining' });
    expect(drains.view).toEqual({ services: ['b'], tasks: ['a2'] });
    drains.set({ service: 'b' }, false);
    expect(phases()).toEqual({ a1: 'up', a2: 'draining', b1: 'up' });
  });

  it('must exist; a task is forgotten with its end, so that nothing grows', () => {
    expect(drains.set({ task: 'x' }, true)).toBe(false);
    expect(drains.set({ service: 'x' }, true)).toBe(false);
    specs = [spec('a', 'a1')];
    expect(drains.view.tasks).toEqual([]);
  });
});
