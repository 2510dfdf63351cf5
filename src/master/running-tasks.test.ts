import { describe, expect, it } from 'vitest';
import { Driver, task } from './testing/driver.ts';
import { memoryStore } from '../store/index.ts';
import type { Store } from '../store/index.ts';
import { Registry } from './registry.ts';
import { runningTasks } from './running-tasks.ts';

const [MINE, THEIRS] = ['spiffe://td/agent/a', 'spiffe://td/agent/b'];

describe('what the authority asks of the master', () => {
  it('is known of tasks that an agent runs, and of no others', () => {
    const d = new Driver();
    const agentId = d.agent('agent');
    const framework = d.framework('fw');
    d.allocate();
    d.launch(framework, task('t', agentId, { labels: { labels: [{ key: 'a', value: 'b' }] } }));
    const tasks = runningTasks(() => ({ state: d.state, registry: new Registry(memoryStore()) }));
    expect(tasks.find(agentId, framework.id, 't')).toMatchObject({
      taskId: 't',
      frameworkId: framework.id,
      frameworkName: framework.info.name,
      agentId,
      labels: new Map([['a', 'b']]),
    });
    for (const [agent, fw, id] of [
      ['other', framework.id, 't'],
      [agentId, 'other', 't'],
      [agentId, framework.id, 'u'],
    ] as const)
      expect(tasks.find(agent, fw, id)).toBeUndefined();
    const entry = framework.tasks.get('t');
    if (!entry) throw new Error('no task');
    entry.state = 'TASK_FINISHED';
    expect(tasks.find(agentId, framework.id, 't')).toBeUndefined();
  });

  it('is with which certificate an agent has registered, which no other may then take', async () => {
    const store = memoryStore();
    const registry = new Registry(store);
    const tasks = runningTasks(() => ({ state: new Driver().state, registry }));
    const info = { id: { value: 'agent-1' }, hostname: 'h', port: 1, resources: [] };
    await registry.admit(info);
    expect(tasks.agentIdentity?.('agent-1')).toBeUndefined();
    const claims = [registry.bind('agent-1', MINE), registry.bind('agent-1', THEIRS)];
    expect(await Promise.all(claims)).toEqual([true, false]);
    expect(await registry.bind('agent-1', MINE)).toBe(true);
    expect(tasks.agentIdentity?.('agent-1')).toBe(MINE);
  });

  it('is the same after a restart, also of an agent that was unreachable, until the agent is gone', async () => {
    const store = memoryStore();
    const before = new Registry(store);
    for (const value of ['a', 'b', 'c']) {
      await before.admit({ id: { value }, hostname: value, port: 1, resources: [] });
      await before.bind(value, MINE);
    }
    await before.bind('never admitted', MINE);
    await before.markUnreachable('b', 1);
    await before.markGone('c', 1);
    expect(before.identityOf('c')).toBeUndefined();
    const after = new Registry(store);
    await after.recover();
    expect(['a', 'b', 'c', 'never admitted'].map((id) => after.identityOf(id))).toEqual([
      MINE,
      MINE,
      undefined,
      undefined,
    ]);
    expect(await after.bind('a', THEIRS)).toBe(false);
    expect(await after.bind('b', THEIRS)).toBe(false);
    await after.remove('a');
    expect(await after.bind('a', THEIRS)).toBe(true);
    await after.forget('unreachable', 'b');
    expect((await store.list('master/registry/identities/')).map(({ key }) => key)).toEqual([
      'master/registry/identities/a',
    ]);
  });

  it('is nobody when it could not be written', async () => {
    const full: Store = { ...memoryStore(), put: () => Promise.reject(new Error('disk full')) };
    const registry = new Registry(full);
    await expect(registry.bind('a', MINE)).rejects.toThrow('disk full');
    expect(registry.identityOf('a')).toBeUndefined();
  });
});
