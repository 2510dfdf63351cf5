import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import { policies, requests, rules } from '../../../test/support/policies.ts';
import { ACTIONS, MESOS_ACTIONS } from './actions.ts';
import { explain, parseDocument, parseMesosAcls, parseRules, shadowed } from './index.ts';

const document = (text: string): ReturnType<typeof parseDocument> => parseDocument(parse(text));

const problems = (text: string): readonly string[] => {
  const parsed = document(text);
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
};

describe('the language of rules', () => {
  it('reads a document, also where one value stands for a list', () => {
    const parsed = document(`
      default: deny
      rules:
        - { name: ops, effect: allow, who: 'group:ops', may: '*' }
        - name: shop
          effect: allow
          who: [spiffe://example.test/marathon/shop/**]
          may: [call]
          on: [db, 'route:db*']
          methods: [GET]
          paths: [/items/**]
    `);
    expect(parsed).toEqual({
      ok: true,
      value: {
        default: 'deny',
        rules: [
          { name: 'ops', effect: 'allow', who: ['group:ops'], may: ['*'] },
          {
            name: 'shop',
            effect: 'allow',
            who: ['spiffe://example.test/marathon/shop/**'],
            may: ['call'],
            on: ['db', 'route:db*'],
            methods: ['GET'],
            paths: ['/items/**'],
          },
        ],
      },
    });
  });

  it('names networks where the address is all that is known, and only there', () => {
    const rule = (who: string, may: string): string => `
      rules: [{ name: a, effect: allow, who: [user:b, '${who}'], may: ${may} }]`;
    expect(problems(rule('net:10.0.0.0/8', '[dns:recursion, dns:transfer]'))).toEqual([]);
    expect(problems(rule('net:fd00::1', 'dns:transfer'))).toEqual([]);
    const only = "rules[0]: 'net:' says something of dns:recursion and dns:transfer only";
    for (const may of ['call', "'*'", "'dns:*'", '[dns:recursion, call]'])
      expect(problems(rule('net:10.0.0.0/8', may))).toEqual([only]);
    expect(problems(rule('net:10.0.0.1/8', 'dns:transfer'))).toEqual([
      expect.stringContaining('write 10.0.0.0/8'),
    ]);
  });

  it('sees which networks are within others', () => {
    const never = (first: string, second: string): number => {
      const may = ['dns:recursion'];
      return shadowed([
        { name: 'a', effect: 'deny', who: [first], may },
        { name: 'b', effect: 'allow', who: [second], may },
      ]).length;
    };
    expect(never('net:10.0.0.0/8', 'net:10.1.0.0/16')).toBe(1);
    expect(never('net:10.1.0.0/16', 'net:10.0.0.0/8')).toBe(0);
    expect(never('net:0.0.0.0/0', 'net:::/0')).toBe(0);
    expect(never('net:0.0.0.0/0', 'anonymous')).toBe(0);
    expect(never('anyone', 'net:::/0')).toBe(1);
    expect(never('authenticated', 'net:::/0')).toBe(0);
  });

  it('tells all mistakes, with the nearest that is known', () => {
    const text = `
      defualt: deny
      rules:
        - { name: a, efect: allow, effect: yes, who: usr:alice, may: [run_task, veiw_*] }
        - { name: a, effect: deny, who: anyone, may: call, on: [] }
        - { name: a, effect: deny, who: anyone, may: view_tasks, paths: /x }
        - { name: b, effect: deny, who: ['user:a**'], may: call, methods: get, paths: x }
        - { name: default, effect: deny, who: anyone, may: call }
        - { name: c, effect: deny }
    `;
    expect(problems(text)).toEqual([
      "defualt: unknown key 'defualt'; did you mean 'default'?",
      "rules[0].efect: unknown key 'efect'; did you mean 'effect'?",
      "rules[0].effect: write 'allow' or 'deny'",
      "rules[0].who: unknown subject 'usr:alice'; did you mean 'user:'?",
      "rules[0].may[0]: unknown action 'run_task'; did you mean 'run_tasks'?",
      "rules[0].may[1]: unknown family of actions 'veiw_*'; did you mean 'view_*'?",
      'rules[1].on: write 1 to 1000 values, or leave the key out',
      "rules[2]: methods and paths say something of 'call' only",
      'rules[3].who[0]: ** must be the whole last segment',
      'rules[3].methods: write a method in capital letters, such as GET',
      'rules[3].paths: paths begin with /',
      "rules[4].name: give the rule a name of letters, digits, dots, dashes and underscores, other than 'default'",
      "rules[5].who: say who, or 'anyone'",
      "rules[5].may: say which actions, or '*'",
    ]);
    const twice = `rules: [{name: a, effect: deny, who: anyone, may: call}, {name: a, effect: deny, who: anyone, may: call}]`;
    expect(problems(twice)).toEqual(["rules[1].name: there is a rule 'a' already"]);
  });

  it('reads what it has printed', () => {
    fc.assert(
      fc.property(rules(8), (given) => {
        const known = JSON.parse(JSON.stringify(given)) as unknown;
        const printed = stringify({ default: 'deny', rules: known });
        expect(document(printed)).toEqual({ ok: true, value: { default: 'deny', rules: given } });
      }),
    );
  });

  it('takes any input without throwing', () => {
    fc.assert(
      fc.property(fc.anything(), fc.json(), (value, json) => {
        for (const input of [value, { rules: [value] }, [value], JSON.parse(json) as unknown]) {
          expect(typeof parseDocument(input).ok).toBe('boolean');
          expect(typeof parseRules(input).ok).toBe('boolean');
          expect(typeof parseMesosAcls(input).ok).toBe('boolean');
        }
      }),
    );
  });
});

describe('explanations', () => {
  it('name the rule that the compiled policy decides by, and a reason for every other', () => {
    fc.assert(
      fc.property(policies, requests, (policy, request) => {
        const explanation = explain(policy, request);
        const { allowed, rule, version } = explanation;
        expect({ allowed, rule, version }).toEqual(new CompiledPolicy(policy).decide(request));
        for (const trace of explanation.rules) expect(trace.decides).toBe(trace.because === undefined);
        expect(explanation.rules.filter((trace) => trace.decides).length).toBe(rule === 'default' ? 0 : 1);
      }),
    );
  });

  it('say why a rule did not fit', () => {
    const parsed = parseRules([
      { name: 'a', effect: 'allow', who: 'group:dev', may: 'call' },
      { name: 'b', effect: 'allow', who: 'anyone', may: 'view_*' },
      { name: 'c', effect: 'allow', who: 'user:*', may: 'call', on: 'web' },
      { name: 'd', effect: 'allow', who: 'user:*', may: 'call', methods: ['GET'] },
      { name: 'e', effect: 'allow', who: 'user:*', may: 'call', paths: ['/x/**'] },
    ]);
    const policy = { version: 3, default: 'deny' as const, rules: parsed.ok ? parsed.value : [] };
    const subject = { kind: 'user' as const, name: 'alice', groups: ['ops'] };
    const found = explain(policy, { subject, action: 'call', object: 'db', method: 'POST', path: '/y' });
    expect(found.rules.map(({ because }) => because)).toEqual([
      'it is for group:dev, not for user alice of ops',
      'it speaks of view_*, not of call',
      'it is about web, not about db',
      'it is about the methods GET, not about POST',
      'it is about the paths /x/**, not about /y',
    ]);
    expect(found).toMatchObject({ allowed: false, rule: 'default', version: 3 });
  });
});

describe('rules in the shadow of others', () => {
  it('never decide', () => {
    let seen = 0;
    fc.assert(
      fc.property(rules(12), fc.array(requests, { minLength: 30, maxLength: 30 }), (given, asked) => {
        const dark = new Set(shadowed(given).map(({ path }) => `r${/\d+/.exec(path)?.[0]}`));
        seen += dark.size;
        const compiled = new CompiledPolicy({ version: 1, default: 'deny', rules: given });
        for (const request of asked) expect(dark).not.toContain(compiled.decide(request).rule);
      }),
      { numRuns: 500 },
    );
    expect(seen).toBeGreaterThan(20);
  });

  it('are told with those that shadow them', () => {
    const parsed = parseRules([
      { name: 'all', effect: 'allow', who: 'authenticated', may: 'view_*' },
      { name: 'none', effect: 'deny', who: 'anonymous', may: '*' },
      { name: 'late', effect: 'deny', who: ['user:bob', 'anonymous'], may: ['view_tasks'], on: 'root' },
      { name: 'other', effect: 'deny', who: 'user:bob', may: 'run_tasks' },
    ]);
    expect(shadowed(parsed.ok ? parsed.value : [])).toEqual([
      { path: 'rules[2]', message: "rule 'late' never decides: 'all', 'none' before it decide all of it" },
    ]);
  });
});

type Entity = { type: 'ANY' | 'NONE' } | { values: string[] };
type Acl = Record<string, Entity>;

/** Mesos's own way (LocalAuthorizer): an ACL applies where both entities match; it allows if both allow. */
function mesosAllows(
  acls: readonly Acl[],
  key: string,
  permissive: boolean,
  principal: string,
  object: string,
): boolean {
  const matches = (entity: Entity | undefined, value: string): boolean =>
    entity !== undefined && ('type' in entity || (value !== '' && entity.values.includes(value)));
  const allows = (entity: Entity | undefined, value: string): boolean =>
    entity !== undefined && ('type' in entity ? entity.type === 'ANY' : entity.values.includes(value));
  for (const acl of acls) {
    const { principals, [key]: objects } = acl;
    if (matches(principals, principal) && matches(objects, object))
      return allows(principals, principal) && allows(objects, object);
  }
  return permissive;
}

describe('ACLs of Mesos', () => {
  it('decide as the local authorizer of Mesos does', () => {
    const names = ['a', 'b', '*', 'eng/dev', 'x\\y'];
    const entity: fc.Arbitrary<Entity> = fc.oneof(
      fc.constantFrom<Entity>({ type: 'ANY' }, { type: 'NONE' }),
      fc.array(fc.constantFrom(...names), { maxLength: 3 }).map((values) => ({ values })),
    );
    const action = fc.constantFrom(...MESOS_ACTIONS.keys());
    const outcomes = { true: 0, false: 0 };
    fc.assert(
      fc.property(
        action,
        fc.array(fc.tuple(entity, entity), { maxLength: 5 }),
        fc.boolean(),
        fc.constantFrom('', ...names, 'zzz'),
        fc.constantFrom('', ...names, 'zzz'),
        (name, entities, permissive, principal, object) => {
          const key = MESOS_ACTIONS.get(name) ?? '';
          const acls = entities.map(([principals, objects]) => ({ principals, [key]: objects }));
          const parsed = parseMesosAcls({ permissive, [name]: acls });
          if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
          const compiled = new CompiledPolicy({ version: 1, default: 'deny', rules: parsed.value });
          const kind = principal === '' ? ('anonymous' as const) : ('principal' as const);
          const subject = { kind, name: principal, groups: [] };
          const expected = mesosAllows(acls, key, permissive, principal, object);
          expect(compiled.decide({ subject, action: name, object }).allowed).toBe(expected);
          outcomes[`${expected}`] += 1;
        },
      ),
      { numRuns: 3_000 },
    );
    expect(Math.min(outcomes.true, outcomes.false)).toBeGreaterThan(100);
  });

  it('read a file as operators have it', () => {
    const file = new URL('../../../test/fixtures/policy/acls.json', import.meta.url);
    const parsed = parseMesosAcls(JSON.parse(readFileSync(file, 'utf8')));
    const compiled = new CompiledPolicy({
      version: 1,
      default: 'allow',
      rules: parsed.ok ? parsed.value : [],
    });
    const ask = (principal: string, action: string, object: string): string => {
      const { allowed, rule } = compiled.decide({
        subject: { kind: 'principal', name: principal, groups: [] },
        action,
        object,
      });
      return `${allowed} ${rule}`;
    };
    expect(ask('fw', 'register_frameworks', 'ok')).toBe('true acls/register_frameworks/1');
    expect(ask('fw', 'register_frameworks', 'other')).toBe('false acls/register_frameworks/2');
    expect(ask('ops', 'register_frameworks', 'other')).toBe('true acls/permissive');
    expect(ask('ro', 'get_endpoints', '/metrics/snapshot')).toBe('false acls/get_endpoints/1');
    expect(ask('ro', 'view_frameworks', 'root')).toBe('false acls/view_frameworks/1');
  });

  it('read all roles below one, and tell what they do not know', () => {
    const below = parseMesosAcls({
      view_roles: [{ principals: { type: 'ANY' }, roles: { values: ['eng/%'] } }],
    });
    expect(below.ok && below.value[0]?.on).toEqual(['eng/*/**']);
    expect(
      parseMesosAcls({ run_task: [], run_tasks: [{ principals: { values: ['a'] }, roles: {} }] }),
    ).toEqual({
      ok: false,
      problems: [
        { path: 'run_task', message: "unknown action 'run_task'; did you mean 'run_tasks'?" },
        {
          path: 'run_tasks[0].users',
          message: 'write {"values": [...]}, {"type": "ANY"} or {"type": "NONE"}',
        },
        { path: 'run_tasks[0].roles', message: "unknown key 'roles'; known: principals, users" },
      ],
    });
  });
});

it('every action has one name and one kind of object', () => {
  for (const [name, info] of ACTIONS)
    expect(info).toMatchObject({ name, object: expect.stringMatching(/./) });
});
