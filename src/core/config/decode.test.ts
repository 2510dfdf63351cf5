import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { decode, pathText } from './decode.ts';
import { nearest } from './nearest.ts';

const schema = z.strictObject({
  dns: z
    .strictObject({
      port: z.int().min(0).max(65535).default(53),
      domain: z
        .string()
        .transform((s) => s.toLowerCase())
        .default('mesos'),
    })
    .prefault({}),
  apps: z.array(z.strictObject({ id: z.string(), cpus: z.number().optional() })).default([]),
  zones: z.record(z.string(), z.strictObject({ ttlSeconds: z.number() })).default({}),
});

const issuesOf = (input: unknown): string[] => {
  const decoded = decode(schema, input);
  return decoded.ok ? [] : decoded.issues.map((i) => `${i.path}: ${i.message}`);
};

describe('decode', () => {
  it('fills in defaults and freezes all of it', () => {
    const decoded = decode(schema, { apps: [{ id: '/a' }] });
    expect(decoded).toEqual({
      ok: true,
      value: { dns: { port: 53, domain: 'mesos' }, apps: [{ id: '/a' }], zones: {} },
    });
    if (!decoded.ok) return;
    expect(Object.isFrozen(decoded.value.dns)).toBe(true);
    expect(Object.isFrozen(decoded.value.apps[0])).toBe(true);
  });

  it('names the nearest known key, at every depth', () => {
    expect(issuesOf({ dsn: {} })).toEqual(["dsn: unknown key 'dsn'; did you mean 'dns'?"]);
    expect(issuesOf({ dns: { Port: 53 } })).toEqual(["dns.Port: unknown key 'Port'; did you mean 'port'?"]);
    expect(issuesOf({ apps: [{ id: '/a', cpu: 1 }] })).toEqual([
      "apps[0].cpu: unknown key 'cpu'; did you mean 'cpus'?",
    ]);
    expect(issuesOf({ zones: { 'a.b': { ttlSeconds: 1, ttl: 1 } } })).toEqual([
      "zones.a.b.ttl: unknown key 'ttl'; known keys: ttlSeconds",
    ]);
  });

  it('lists the known keys when none is near', () => {
    expect(issuesOf({ loadbalancer: 1 })).toEqual([
      "loadbalancer: unknown key 'loadbalancer'; known keys: dns, apps, zones",
    ]);
  });

  it('tells every mistake at once, each with its path', () => {
    const issues = issuesOf({ dns: { port: 70_000, domain: 5 }, apps: [{}, { id: 1 }], nonsense: true });
    expect(issues.map((i) => i.slice(0, i.indexOf(':')))).toEqual(
      expect.arrayContaining(['dns.port', 'dns.domain', 'apps[0].id', 'apps[1].id', 'nonsense']),
    );
    expect(issues).toHaveLength(5);
  });

  it('says that a key is missing, also one that takes several types', () => {
    const either = z.strictObject({ size: z.union([z.number(), z.string()]) });
    const decoded = decode(either, {});
    expect(decoded).toEqual({ ok: false, issues: [{ path: 'size', message: 'is missing: write it' }] });
  });

  it('takes anything at all without throwing', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        const decoded = decode(schema, input);
        expect(decoded.ok || decoded.issues.length > 0).toBe(true);
      }),
    );
  });
});

describe('pathText', () => {
  it('writes paths as people do', () => {
    expect(pathText([])).toBe('(root)');
    expect(pathText(['apps', 2, 'ports', 0])).toBe('apps[2].ports[0]');
  });
});

describe('nearest', () => {
  it.each([
    ['prot', 'port'],
    ['HTTPPORT', 'httpPort'],
    ['refreshSecond', 'refreshSeconds'],
    ['xyz', undefined],
    ['completelyDifferent', undefined],
  ])('%s is meant as %s', (word, meant) => {
    expect(nearest(word, ['port', 'httpPort', 'refreshSeconds', 'domain'])).toBe(meant);
  });

  it('finds a known word again after any one change', () => {
    const words = ['masters', 'refreshSeconds', 'ttlSeconds'];
    fc.assert(
      fc.property(fc.constantFrom(...words), fc.nat(), fc.constantFrom('x', 'q', '_'), (word, at, c) => {
        const i = at % word.length;
        expect(nearest(`${word.slice(0, i)}${c}${word.slice(i + 1)}`, words)).toBe(word);
        expect(nearest(`${word.slice(0, i)}${word.slice(i + 1)}`, words)).toBe(word);
      }),
    );
  });
});
