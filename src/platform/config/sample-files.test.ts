import { readFileSync, readdirSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { roles } from '../roles.ts';
import type { RoleName } from '../roles.ts';
import { FakeWorld } from '../testing/fake-world.ts';
import { loadConfig } from './load.ts';

async function problems(text: string, role: RoleName): Promise<readonly unknown[]> {
  const files = { '/here/file': text, '/here/ca.pem': rootCertificates[0] ?? '' };
  const loaded = await loadConfig({ role, file: 'file', overrides: [] }, new FakeWorld(files));
  return loaded.ok ? [] : loaded.issues;
}

describe('the samples', () => {
  const folder = fileURLToPath(new URL('../../../config/', import.meta.url));
  const names = readdirSync(folder).filter((name) => /\.(yaml|json)$/.test(name));

  it('has one for every role, one of Mesos-DNS, one for DC/OS, one with routes, one of several masters, and one for production with its policy', () => {
    const edges = ['mesos-dns.json', 'edge-dcos.yaml', 'edge-routes.yaml'];
    const others = [...edges, 'masters.yaml', 'production.yaml', 'policy.yaml'];
    expect(names.sort()).toEqual([...roles.map((r) => `${r.name}.yaml`), ...others].sort());
  });

  // A policy is no configuration: samples.test.ts reads it.
  it.each(names.filter((name) => name !== 'policy.yaml'))('%s holds', async (name) => {
    const named: Record<string, 'up' | 'master'> = { 'production.yaml': 'up', 'masters.yaml': 'master' };
    const role = roles.find((r) => name === `${r.name}.yaml`)?.name ?? named[name] ?? 'edge';
    const text = readFileSync(folder + name, 'utf8');
    expect(await problems(text, role)).toEqual([]);
    // What is commented out holds as well.
    const all = text.replace(/^(\s*)# (\s*[a-zA-Z]+:( .*)?)$/gm, '$1$2');
    if (name.endsWith('.yaml') && !text.includes('tls:')) expect(await problems(all, role)).toEqual([]);
  });

  it('names an app that a person can read', () => {
    const app = JSON.parse(readFileSync(`${folder}examples/hello.json`, 'utf8')) as Record<string, unknown>;
    expect(app).toMatchObject({
      id: '/hello',
      instances: 3,
      labels: { HAPROXY_0_VHOST: 'hello.example.test' },
    });
  });
});
