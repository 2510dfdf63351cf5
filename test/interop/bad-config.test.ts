import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { rimrockConfigSchema } from '../../src/platform/config/schema.ts';
import { decode } from '../../src/core/config/decode.ts';
import { root } from '../support/root.ts';

// A configuration with an error in any field is refused before anything starts, and every error names its field.

const folder = mkdtempSync(join(tmpdir(), 'rimrock-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly stderr: string;
}

async function check(role: string, ...arguments_: readonly string[]): Promise<Outcome> {
  const all = ['bin/rimrock.mjs', role, '--check-config', ...arguments_];
  return promisify(execFile)(process.execPath, all, { cwd: root }).then(
    () => ({ code: 0, stderr: '' }),
    (error: Outcome) => error,
  );
}

/** The path of every field in the defaults, down to plain values and lists. */
function leaves(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[...path]];
  const entries = Object.entries(value);
  return entries.length === 0
    ? [[...path]]
    : entries.flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

const ALL = leaves(rimrockConfigSchema.parse({}));

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}

describe('a wrong configuration', () => {
  it.each(ALL.map((path) => path.join('.')))('%s: an error in this field is told by its path', (field) => {
    const decoded = decode(rimrockConfigSchema, nested(field.split('.'), [[{ no: 'such' }]]));
    expect(decoded.ok).toBe(false);
    const paths = decoded.ok ? [] : decoded.issues.map((issue) => issue.path);
    expect(
      paths.some((path) => path === field || path.startsWith(`${field}[`) || path.startsWith(`${field}.`)),
    ).toBe(true);
  });

  it.each(ALL.map((path) => path.join('.')))('%s: a misspelling of this key is noticed', (field) => {
    const misspelt = `${field}x`;
    const decoded = decode(rimrockConfigSchema, nested(misspelt.split('.'), 1));
    // Maps take any key; there the value is what is wrong.
    expect(decoded.ok).toBe(false);
    const issue = decoded.ok ? undefined : decoded.issues[0];
    expect(issue?.path).toBe(misspelt);
    expect(issue?.message).toContain(field.split('.').at(-1));
  });

  it('tells all mistakes at once, and starts nothing', async () => {
    const wrong = ['dns.port=99999', 'dns.domain=-_', 'lb.http.port=abc', 'cluster.masters=', 'dns.prot=53'];
    const { code, stderr } = await check('up', ...wrong.flatMap((text) => ['--set', text]));
    expect(code).toBe(1);
    for (const field of [
      'dns.port',
      'dns.domain',
      'lb.http.port',
      'cluster.masters',
      "did you mean 'port'",
    ]) {
      expect(stderr).toContain(field);
    }
  });

  it.each([
    ['a file that is not there', undefined, 'absent'],
    ['a file that is neither YAML nor JSON', 'dns: [', 'neither YAML nor JSON'],
    ['an unknown section', 'dsn:\n  port: 53\n', 'dsn'],
    ['a wrong value', 'lb:\n  http:\n    port: many\n', 'lb.http.port'],
    ['no network', 'lb:\n  trustedProxies: [10.0.0.0/33]\n', 'write an address or a network'],
    ['a wrong value in a Mesos-DNS file', '{"masters": ["127.0.0.1:5050"], "port": "x"}', 'ort'],
    ['masters of a Mesos-DNS file', '{"masters": ["127.0.0.1:99999"]}', 'asters'],
    ['the domain of a Mesos-DNS file', '{"masters": ["127.0.0.1:5050"], "domain": "a_b"}', 'omain'],
    [
      'the IP sources of a Mesos-DNS file',
      '{"masters": ["127.0.0.1:5050"], "IPSources": ["moon"]}',
      'ources',
    ],
  ])('%s', async (_name, text, expected) => {
    const file = join(folder, text === undefined ? 'absent' : 'config');
    if (text !== undefined) writeFileSync(file, text);
    const { code, stderr } = await check('edge', '--config', file);
    expect(code).toBe(1);
    expect(stderr).toContain(expected);
  });

  it('a good one is accepted', async () => {
    expect(await check('up')).toEqual({ code: 0, stderr: '' });
  });
});
