import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessRequest } from '../access.ts';
import { ANONYMOUS } from '../access.ts';
import { CompiledPolicy } from './compiled-policy.ts';
import { policies, requests } from '../../../test/support/policies.ts';
import type { Policy, Rule } from './types.ts';

/** What the language means, in the plainest words: regular expressions, one rule after the other, nothing indexed. */
function reference({ rules }: Policy, request: AccessRequest): string {
  return rules.find((rule) => fits(rule, request))?.name ?? 'default';
}

function fits({ who, may, on, methods, paths }: Rule, request: AccessRequest): boolean {
  const { subject, action, object, alias, method, path } = request;
  if (!may.some((m) => matches(m, action))) return false;
  const isOne = who.some((w) => {
    if (w === 'anyone') return true;
    if (w === 'anonymous') return subject.kind === 'anonymous';
    if (w === 'authenticated') return subject.kind !== 'anonymous';
    if (w.startsWith('net:')) return subject.address !== undefined && isIn(w.slice(4), subject.address);
    if (w.startsWith('spiffe://')) return subject.kind === 'workload' && matches(w, subject.name);
    const [kind = '', ...rest] = w.split(':');
    const pattern = rest.join(':');
    if (kind === 'group') return subject.groups.some((group) => matches(pattern, group));
    return subject.kind === kind && matches(pattern, subject.name);
  });
  if (!isOne) return false;
  if (on && !on.some((p) => matches(p, object) || (alias !== undefined && matches(p, alias)))) return false;
  if (methods && !methods.some((m) => m === method)) return false;
  return !paths || (path !== undefined && paths.some((p) => matches(p, path)));
}

/** By Node's own list of networks. */
function isIn(network: string, address: string): boolean {
  const plain = address.replace(/%.*/, '').replace(/^::ffff:(?=\d+\.)/, '');
  const [prefix = '', bits] = network.split('/');
  const family = prefix.includes(':') ? 'ipv6' : 'ipv4';
  if (isIP(plain) !== (family === 'ipv6' ? 6 : 4)) return false;
  const list = new BlockList();
  list.addSubnet(prefix, Number(bits ?? (family === 'ipv6' ? 128 : 32)), family);
  return list.check(plain, family);
}

function matches(pattern: string, text: string): boolean {
  const rest = pattern === '**' ? '^.*$' : undefined;
  const body = pattern.replace(/\/\*\*$/, '');
  const regex = body
    .split('/')
    .map((segment) => {
      const source = segment
        .split(/(\\\*|\\\\|\*)/)
        .map((part) => (part === '*' ? '[^/]*' : part.startsWith('\\') ? `\\${part.at(-1)}` : part))
        .join('');
      return /^\*$|[^\\]\*|^\*/.test(segment) ? `(?=[^/])${source}` : source;
    })
    .join('/');
  const tail = body === pattern ? '' : '(/.*)?';
  return new RegExp(rest ?? `^${regex}${tail}$`).test(text);
}

const ask = (
  action: string,
  object: string,
  subject: Partial<AccessRequest['subject']> = {},
): AccessRequest => ({
  subject: { ...ANONYMOUS, ...subject },
  action,
  object,
});

describe('a compiled policy', () => {
  it('decides as the rules do when they are read one after the other', () => {
    const decided = new Map<string, number>();
    fc.assert(
      fc.property(policies, fc.array(requests, { minLength: 1, maxLength: 20 }), (policy, asked) => {
        const compiled = new CompiledPolicy(policy);
        for (const request of asked) {
          const { rule, allowed, version } = compiled.decide(request);
          expect(rule).toBe(reference(policy, request));
          const effect = policy.rules.find(({ name }) => name === rule)?.effect ?? policy.default;
          expect({ allowed, version }).toEqual({ allowed: effect === 'allow', version: policy.version });
          const kind = rule === 'default' ? 'default' : 'rule';
          decided.set(kind, (decided.get(kind) ?? 0) + 1);
        }
      }),
      { numRuns: 500 },
    );
    // Had rules and requests never met, nothing would have been compared.
    expect(decided.get('rule')).toBeGreaterThan(100);
    expect(decided.get('default')).toBeGreaterThan(100);
  });

  it('takes out the part of one action without changing what is decided about it', () => {
    fc.assert(
      fc.property(policies, requests, (policy, request) => {
        const compiled = new CompiledPolicy(policy);
        const part = compiled.part(request.action);
        const verdict = compiled.decide(request);
        if (part === undefined) expect(verdict.allowed).toBe(true);
        else expect(new CompiledPolicy(part).decide(request)).toEqual(verdict);
      }),
    );
  });

  it('takes any request without throwing', () => {
    const any = fc.record({
      subject: fc.record({
        kind: fc.constantFrom('anonymous' as const, 'user' as const, 'workload' as const),
        name: fc.string({ unit: 'binary' }),
        groups: fc.array(fc.string({ unit: 'binary' })),
      }),
      action: fc.string(),
      object: fc.string({ unit: 'binary' }),
      method: fc.string(),
      path: fc.string({ unit: 'binary' }),
    });
    fc.assert(
      fc.property(policies, any, (policy, request) => {
        expect(typeof new CompiledPolicy(policy).decide(request).allowed).toBe('boolean');
      }),
    );
  });

  it('has nothing to ask where everybody may', () => {
    const open: Rule = { name: 'calls', effect: 'allow', who: ['user:a'], may: ['call'] };
    const guarded: Rule = { name: 'tasks', effect: 'deny', who: ['anyone'], may: ['run_tasks'] };
    const compiled = new CompiledPolicy({ version: 1, default: 'allow', rules: [open, guarded] });
    expect(compiled.part('call')).toBeUndefined();
    expect(compiled.part('run_tasks')?.rules).toEqual([guarded]);
    expect(new CompiledPolicy({ version: 1, default: 'deny', rules: [] }).part('call')).toBeDefined();
  });

  it.each([
    ['/admin', true],
    ['/admin/', true],
    ['//admin//x', true],
    ['/%61dmin/x', true],
    ['/admin%2Fx', true],
    ['/admin;v=1/x', true],
    ['/admin?x', true],
    ['/administrator', false],
    ['/x/admin', false],
    ['/x%2f..;', false],
  ])('denies every reading of a path: %s', (path, denied) => {
    const rules: Rule[] = [
      { name: 'no', effect: 'deny', who: ['anyone'], may: ['call'], paths: ['/admin/**'] },
    ];
    const compiled = new CompiledPolicy({ version: 1, default: 'allow', rules });
    expect(compiled.decide({ ...ask('call', 's'), method: 'GET', path }).allowed).toBe(!denied);
  });

  it.each([
    ['/public/x', true],
    ['/public/%7Ex', true],
    ['/public/a%2Fb', true],
    ['/public%2Fx', false],
    ['/%70ublic/x', true],
    ['/public;v=1/x', false],
  ])('allows a path only in all its readings: %s', (path, allowed) => {
    const rules: Rule[] = [
      { name: 'yes', effect: 'allow', who: ['anyone'], may: ['call'], paths: ['/public/**'] },
    ];
    const compiled = new CompiledPolicy({ version: 1, default: 'deny', rules });
    expect(compiled.decide({ ...ask('call', 's'), method: 'GET', path }).allowed).toBe(allowed);
  });
});
