import { describe, expect, it } from 'vitest';
import { silentLogger } from '../core/log.ts';
import { parseAttributes, parseResources } from '../mesos/index.ts';
import { AgentId } from './agent-id.ts';
import { reconfigurationProblem } from './reconfiguration.ts';
import type { Declared, ReconfigurationPolicy } from './reconfiguration.ts';
import { MemoryCheckpoints, MemoryDisk } from './testing/memory-checkpoints.ts';

function declared(
  resources = 'cpus:4;mem:1024;ports:[31000-31010]',
  attributes = 'rack:r1;level:3',
  more: Partial<Declared> = {},
): Declared {
  const [r, a] = [parseResources(resources), parseAttributes(attributes)];
  if (!r.ok || !a.ok) throw new Error('bad test');
  return { hostname: 'a', port: 5051, resources: r.value, attributes: a.value, ...more };
}

const domain = { fault_domain: { region: { name: 'r' }, zone: { name: 'z' } } };

// what it becomes, whether `equal` refuses it, whether `additive` does, and a word that tells what it is about
const CHANGES: readonly (readonly [string, Declared, boolean, boolean, string])[] = [
  ['nothing', declared(), false, false, ''],
  ['another order', declared('ports:[31000-31010];mem:1024;cpus:4', 'level:3;rack:r1'), false, false, ''],
  ['the hostname', declared(undefined, undefined, { hostname: 'b' }), true, true, 'hostname was a and is b'],
  ['the port', declared(undefined, undefined, { port: 5052 }), true, true, 'port was 5051 and is 5052'],
  ['more cpus', declared('cpus:8;mem:1024;ports:[31000-31010]'), true, false, 'resources'],
  ['less memory', declared('cpus:4;mem:1000;ports:[31000-31010]'), true, true, 'resources'],
  ['more and less', declared('cpus:8;mem:1000;ports:[31000-31010]'), true, true, 'resources'],
  ['a new kind', declared('cpus:4;mem:1024;ports:[31000-31010];gpus:1'), true, false, 'resources'],
  ['fewer ports', declared('cpus:4;mem:1024;ports:[31000-31009]'), true, true, 'resources'],
  ['more ports', declared('cpus:4;mem:1024;ports:[31000-31020]'), true, false, 'resources'],
  ['an attribute more', declared(undefined, 'rack:r1;level:3;ssd:yes'), true, false, 'ssd:yes'],
  ['an attribute less', declared(undefined, 'rack:r1'), true, true, 'rack:r1;level:3 and are rack:r1'],
  ['another attribute', declared(undefined, 'rack:r2;level:3'), true, true, 'rack:r2'],
  ['a domain', declared(undefined, undefined, { domain }), true, false, 'domain was none'],
];

describe('a configuration that changes under an agent id', () => {
  it.each(CHANGES)('%s', (_, is, equal, additive, word) => {
    for (const [policy, refused] of [['equal', equal] as const, ['additive', additive] as const]) {
      const problem = reconfigurationProblem(declared(), is, policy);
      expect([policy, problem !== undefined]).toEqual([policy, refused]);
      if (problem !== undefined) expect(problem).toContain(word);
    }
  });

  it('a domain cannot be taken away', () => {
    const was = declared(undefined, undefined, { domain });
    expect(reconfigurationProblem(was, declared(), 'additive')).toContain('domain');
  });
});

describe('the id of an agent', () => {
  const less = declared('cpus:2;mem:1024;ports:[31000-31010]');

  function start(
    disk: MemoryDisk,
    is: Declared,
    more: { policy?: ReconfigurationPolicy; bootId?: string } = {},
  ) {
    const checkpoints = new MemoryCheckpoints(disk);
    const { policy = 'equal', bootId = 'boot-1' } = more;
    return AgentId.recover({ checkpoints, log: silentLogger, declared: is, policy, bootId });
  }

  it('is kept as long as the promise is; what is refused changes nothing on disk', async () => {
    const disk = new MemoryDisk();
    await (await start(disk, declared())).adopt('S0');
    expect((await start(disk, declared())).value).toBe('S0');
    const before = structuredClone(disk.agent);
    await expect(start(disk, less)).rejects.toMatchObject({
      code: 'AGENT_RECONFIGURED',
      hint: expect.stringContaining('additive'),
    });
    expect(disk.agent).toEqual(before);
    const more = declared('cpus:8;mem:1024;ports:[31000-31010]');
    expect((await start(disk, more, { policy: 'additive' })).value).toBe('S0');
    // what was added is promised from now on
    await expect(start(disk, declared(), { policy: 'additive' })).rejects.toThrow('cpus');
  });

  it('outlives a boot of the machine, but not together with another configuration', async () => {
    const disk = new MemoryDisk();
    await (await start(disk, declared())).adopt('S0');
    expect((await start(disk, declared(), { bootId: 'boot-2' })).value).toBe('S0');
    await expect(start(disk, less, { bootId: 'boot-2' })).rejects.toThrow('resources');
    expect((await start(disk, less, { bootId: 'boot-3' })).value).toBeUndefined();
    expect(disk.agent).toBeUndefined();
  });

  it('of a record that says nothing of a promise is kept, with the promise of now', async () => {
    const disk = new MemoryDisk();
    disk.agent = { version: 1, agentId: 'S0' };
    expect((await start(disk, declared())).value).toBe('S0');
    expect(disk.agent).toMatchObject({ declared: { hostname: 'a' }, bootId: 'boot-1' });
  });
});
