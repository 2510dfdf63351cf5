import { describe, expect, it } from 'vitest';
import { decode } from '../core/config/decode.ts';
import { agentConfigSchema } from './config.ts';
import { agentResources } from './host/detect.ts';

describe('the configuration of the agent', () => {
  it('has a default for everything', () => {
    const config = agentConfigSchema.parse({});
    expect(config).toMatchObject({ host: '127.0.0.1', port: 5051, onStop: 'leave', switchUser: false });
  });

  it.each<[Record<string, unknown>, string]>([
    [{ master: 'non sense' }, 'master'],
    [{ master: 'ftp://h:1' }, 'master'],
    [{ port: 70000 }, 'port'],
    [{ resources: 'cpus' }, 'resources'],
    [{ attributes: 'rack' }, 'attributes'],
    [{ switchUser: 'yes' }, 'switchUser'],
    [{ onStop: 'drop' }, 'onStop'],
    [{ workDir: '' }, 'workDir'],
    [{ taskEnvironment: { 'A=B': 'x' } }, 'taskEnvironment.A=B'],
    [{ killGraceSeconds: -1 }, 'killGraceSeconds'],
    [{ worDir: 'x' }, 'worDir'],
  ])('%j is refused by name', (bad, path) => {
    const decoded = decode(agentConfigSchema, bad);
    expect(decoded.ok ? [] : decoded.issues.map((i) => i.path)).toEqual([path]);
  });

  it('detects what the resources leave out, and only that', async () => {
    const all = await agentResources('', '.');
    expect(all.map((r) => r.name)).toEqual(['cpus', 'mem', 'disk', 'ports']);
    const some = await agentResources('cpus:2;ports:[1-2]', '.');
    expect(some.filter((r) => r.name === 'cpus')).toMatchObject([{ scalar: { value: 2 } }]);
    expect(some.filter((r) => r.name === 'ports')).toMatchObject([
      { ranges: { range: [{ begin: 1, end: 2 }] } },
    ]);
  });
});
