import { describe, expect, it } from 'vitest';
import type { AgentInfo } from '../../mesos/index.ts';
import { parseAttributes } from '../../mesos/index.ts';
import { regexCompiler } from '../regex.ts';
import { compileConstraints } from './index.ts';

const compile = (json: unknown, roles = ['web']): ReturnType<typeof compileConstraints> =>
  compileConstraints(json, roles, regexCompiler(100));
const attribute = (name: string, predicate: unknown): unknown => ({
  selector: { attribute_name: name },
  predicate,
});
const pseudo = (type: string, predicate: unknown): unknown => ({
  selector: { pseudoattribute_type: type },
  predicate,
});
const groups = (...all: readonly (readonly unknown[])[]): unknown => ({
  role_constraints: { web: { groups: all.map((attribute_constraints) => ({ attribute_constraints })) } },
});

const parsed = parseAttributes('rack:r1;level:3;keys:[1-5];empty:x');
const agent: AgentInfo = {
  hostname: 'node7.example.com',
  port: 5051,
  resources: [],
  attributes: parsed.ok ? parsed.value : [],
  domain: { fault_domain: { region: { name: 'eu' }, zone: { name: 'eu-1' } } },
};
function holds(json: unknown, of: AgentInfo = agent): boolean {
  const compiled = compile(json);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.byRole.get('web')?.(of) ?? true;
}

describe('offer constraints', () => {
  it.each([
    [attribute('rack', { exists: {} }), true],
    [attribute('row', { exists: {} }), false],
    [attribute('rack', { not_exists: {} }), false],
    [attribute('row', { not_exists: {} }), true],
    [attribute('rack', { text_equals: { value: 'r1' } }), true],
    [attribute('rack', { text_equals: { value: 'r2' } }), false],
    [attribute('rack', { text_not_equals: { value: 'r2' } }), true],
    [attribute('rack', { text_not_equals: { value: 'r1' } }), false],
    [attribute('row', { text_equals: { value: 'r1' } }), false],
    [attribute('row', { text_not_equals: { value: 'r1' } }), true],
    [attribute('rack', { text_matches: { regex: 'r[0-9]' } }), true],
    [attribute('rack', { text_matches: { regex: 'r' } }), false],
    [attribute('rack', { text_not_matches: { regex: 'r' } }), true],
    [attribute('rack', { text_not_matches: { regex: 'r.' } }), false],
    [attribute('row', { text_matches: { regex: '.*' } }), false],
    [attribute('row', { text_not_matches: { regex: '.*' } }), true],
    // What is no text satisfies all that is said about text.
    [attribute('level', { text_equals: { value: '4' } }), true],
    [attribute('keys', { text_not_matches: { regex: '.*' } }), true],
    [pseudo('HOSTNAME', { text_matches: { regex: String.raw`node\d+\.example\.com` } }), true],
    [pseudo('REGION', { text_equals: { value: 'eu' } }), true],
    [pseudo('ZONE', { text_equals: { value: 'eu-2' } }), false],
  ])('%j: %s', (constraint, expected) => {
    expect(holds(groups([constraint]))).toBe(expected);
  });

  it('hold when all in one of the groups do', () => {
    const yes = attribute('rack', { exists: {} });
    const no = attribute('row', { exists: {} });
    expect(holds(groups([yes, no]))).toBe(false);
    expect(holds(groups([yes, no], [yes]))).toBe(true);
    expect(holds({ role_constraints: { web: { groups: { attribute_constraints: yes } } } })).toBe(true);
    expect(holds({})).toBe(true);
  });

  it('an agent without a domain is in no region', () => {
    const { domain, ...nowhere } = agent;
    expect(holds(groups([pseudo('REGION', { not_exists: {} })]), nowhere)).toBe(true);
    expect(holds(groups([pseudo('ZONE', { exists: {} })]), nowhere)).toBe(false);
  });

  it.each([
    [{ role_constraints: { other: { groups: [] } } }, "role 'other', which the framework is not in"],
    [groups(), "'groups' of role 'web' must not be empty"],
    [groups([]), "'attribute_constraints' of role 'web' must not be empty"],
    [groups([{ predicate: { exists: {} } }]), "'selector' must be an object"],
    [groups([pseudo('RACK', { exists: {} })]), 'HOSTNAME, REGION or ZONE'],
    [groups([attribute('a', { is: {} })]), "'is' is no predicate"],
    [groups([attribute('a', { exists: {}, not_exists: {} })]), 'one thing only'],
    [groups([attribute('a', { text_equals: {} })]), "'text_equals' must have a 'value'"],
    [groups([attribute('a', { text_matches: { regex: '(' } })]), 'is not of RE2 syntax'],
    [groups([attribute('a', { text_matches: { regex: '(a{50}){5}' } })]), 'too complex'],
    [groups([attribute('a', { text_matches: { regex: String.raw`(a)\1` } })]), 'is not of RE2 syntax'],
    ['text', 'offer_constraints must be an object'],
    [{ role_constraints: [] }, 'role_constraints must be an object'],
  ])('%j is refused', (json, why) => {
    const compiled = compile(json);
    expect(compiled.ok ? '' : compiled.problem).toContain(why);
  });
});
