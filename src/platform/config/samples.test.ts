import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseDocument, shadowed } from '../../auth/policy/index.ts';
import { main } from '../cli/main.ts';
import { FakeWorld } from '../testing/fake-world.ts';

const folder = fileURLToPath(new URL('../../../config', import.meta.url));
const files = readdirSync(folder).filter((name) => /\.(yaml|json)$/.test(name));
const text = (name: string): string => readFileSync(`${folder}/${name}`, 'utf8');

/** The first line of a sample says how it is used. */
const command = (name: string): string | undefined =>
  /^# rimrock (\w+) --config config\//.exec(text(name))?.[1];
const POLICIES = ['policy.yaml'];

describe('the samples', () => {
  it.each(files.filter((name) => !POLICIES.includes(name)))('%s is right', async (name) => {
    const world = new FakeWorld({ [`/here/${name}`]: text(name) });
    const role = command(name) ?? 'edge';
    expect([await main([role, '--config', name, '--check-config'], world), world.stderr]).toEqual([0, '']);
  });

  it.each(POLICIES)('%s has rules that all decide something', (name) => {
    const parsed = parseDocument(parse(text(name)));
    expect(parsed).toMatchObject({ ok: true, value: { default: 'deny' } });
    expect(parsed.ok && shadowed(parsed.value.rules)).toEqual([]);
  });

  it('production asks everybody, and denies what no rule allows', async () => {
    const world = new FakeWorld({ '/here/p.yaml': text('production.yaml') });
    await main(['up', '--config', 'p.yaml', '--print-config'], world);
    expect(parse(world.stdout)).toMatchObject({
      auth: { required: true, policy: { default: 'deny', file: 'config/policy.yaml' } },
    });
    expect(files).toContain('policy.yaml');
  });

  it('the reference shows a policy that is right', () => {
    const page = readFileSync(`${folder}/../docs/reference/policy.md`, 'utf8');
    const [, example = ''] = /```yaml\n([^]*?)```/.exec(page) ?? [];
    const parsed = parseDocument(parse(example));
    expect(parsed.ok && parsed.value.rules).toHaveLength(2);
  });
});
