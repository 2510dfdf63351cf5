import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../core/access.ts';
import { Health } from '../../core/health.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import { silentLogger } from '../../core/log.ts';
import type { Logger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../../store/index.ts';
import type { Store } from '../../store/index.ts';
import { policyRoutes } from '../api/policy-routes.ts';
import { policyConfigSchema } from './config.ts';
import { PolicyKeeper } from './index.ts';

interface Reply {
  readonly status: number;
  readonly json: {
    readonly message: string;
    readonly rules: readonly { readonly name: string }[];
    readonly warnings: readonly { readonly message: string }[];
  };
}

class Bench {
  readonly files = new Map<string, string>();
  readonly clock = new FakeClock();
  readonly store: Store = memoryStore();
  readonly metrics = new Metrics();
  readonly health = new Health();
  readonly keeper: PolicyKeeper;
  readonly api: Api = createApi();

  constructor(
    config: Record<string, unknown> = {},
    files: Record<string, string> = {},
    store?: Store,
    own?: string,
    log: Logger = silentLogger,
  ) {
    if (store !== undefined) this.store = store;
    for (const [path, text] of Object.entries(files)) this.files.set(path, text);
    this.keeper = new PolicyKeeper({
      config: policyConfigSchema.parse(config),
      store: this.store,
      own,
      clock: this.clock,
      log,
      metrics: this.metrics,
      health: this.health,
      readText: async (path) => {
        const text = this.files.get(path);
        if (text === undefined) throw new Error('no such file');
        return text;
      },
    });
    policyRoutes(this.api, this.keeper);
  }

  /** What files say now is taken in. */
  async refreshed(): Promise<void> {
    this.clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }

  may(action: string, object = ''): string {
    const { allowed, rule } = this.keeper.decide({ subject: ANONYMOUS, action, object });
    return `${allowed ? 'yes' : 'no'} by ${rule}`;
  }

  async ask(method: 'GET' | 'PUT', url: string, body?: unknown): Promise<Reply> {
    const payload = body === undefined ? {} : { payload: JSON.stringify(body) };
    const reply = await this.api.inject({ method, url: `/policy/v1${url}`, ...payload });
    return { status: reply.statusCode, json: reply.json<Reply['json']>() };
  }
}

const rule = (name: string, effect: string, may: string): Record<string, string> => ({
  name,
  effect,
  who: 'anyone',
  may,
});

describe('denials', () => {
  it('are counted all, and so many a second are lines, with the address where it is told', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = pino({ base: null }, { write: (text: string) => void lines.push(JSON.parse(text)) });
    const file =
      "rules: [{name: outside, effect: deny, who: 'net:192.0.2.0/24', may: dns:recursion}, {name: b, effect: deny, who: anyone, may: run_tasks}]";
    const bench = new Bench({ file: 'p.yaml' }, { 'p.yaml': file }, undefined, undefined, log);
    await bench.keeper.start();
    lines.length = 0;
    const ask = (address: string): boolean =>
      bench.keeper.decide({ subject: { ...ANONYMOUS, address }, action: 'dns:recursion', object: '' })
        .allowed;
    for (let i = 0; i < 500; i++) expect(ask('192.0.2.7')).toBe(false);
    expect(ask('198.51.100.1')).toBe(true);
    expect(bench.may('run_tasks')).toBe('no by b');
    expect(lines).toHaveLength(11);
    expect(lines[0]).toMatchObject({
      subject: 'anonymous',
      address: '192.0.2.7',
      action: 'dns:recursion',
      rule: 'outside',
      msg: 'the policy denies a request',
    });
    bench.clock.advance(1_000);
    expect(lines.slice(11)).toEqual([expect.objectContaining({ rule: 'outside', leftOut: 490 })]);
    const text = await bench.metrics.text();
    expect(text).toContain('rimrock_policy_denied_total{action="dns:recursion"} 500');
    expect(text).toContain('rimrock_policy_allowed_total{action="dns:recursion"} 1');
  });

  it('of a client of DNS are explained', async () => {
    const file =
      "rules: [{name: house, effect: allow, who: 'net:10.0.0.0/8', may: 'dns:recursion'}, {name: rest, effect: deny, who: anyone, may: 'dns:*'}]";
    const bench = new Bench({ file: 'p.yaml' }, { 'p.yaml': file });
    await bench.keeper.start();
    const explain = (who: string): Promise<Reply> =>
      bench.ask('GET', `/explain?who=${who}&action=dns:recursion`);
    expect((await explain('net:10.1.2.3')).json).toMatchObject({ allowed: true, rule: 'house' });
    const { json } = await explain('net:192.0.2.1');
    expect(json).toMatchObject({ allowed: false, rule: 'rest' });
    expect(json.rules[0]).toMatchObject({
      because: 'it is for net:10.0.0.0/8, not for somebody anonymous at 192.0.2.1',
    });
    expect((await explain('net:10.0.0.0/8')).status).toBe(400);
  });
});

describe('the policy in force', () => {
  it('is open where nobody has said anything', async () => {
    const bench = new Bench();
    await bench.keeper.start();
    expect(bench.may('run_tasks')).toBe('yes by default');
    expect(bench.keeper.part('call')).toBeUndefined();
  });

  it('asks the file first, then the API, then the ACLs, then the default', async () => {
    const bench = new Bench(
      { default: 'deny', file: 'p.yaml', mesosAcls: 'acls.json' },
      {
        'p.yaml': 'rules: [{name: a, effect: deny, who: anyone, may: run_tasks}]',
        'acls.json':
          '{"permissive": false, "view_tasks": [{"principals": {"type": "ANY"}, "users": {"type": "ANY"}}]}',
      },
    );
    await bench.keeper.start();
    const rules = [
      rule('a', 'allow', 'run_tasks'),
      rule('b', 'deny', 'view_tasks'),
      rule('c', 'allow', 'policy:*'),
    ];
    expect(await bench.keeper.replaceOwn([], 0)).toBeDefined();
    const { status } = await bench.ask('PUT', '/rules', { revision: bench.keeper.own.revision, rules });
    expect(status).toBe(403);
    bench.files.set(
      'p.yaml',
      'rules: [{name: a, effect: deny, who: anyone, may: run_tasks}, {name: edit, effect: allow, who: anyone, may: "policy:*"}]',
    );
    await bench.refreshed();
    const revision = bench.keeper.own.revision;
    const put = await bench.ask('PUT', '/rules', { revision, rules });
    expect(put).toMatchObject({ status: 200, json: { warnings: expect.any(Array) } });
    expect(put.json.warnings.map((w) => w.message)).toEqual([
      "rule 'api/a' never decides: 'a' before it decide all of it",
      "rule 'api/c' never decides: 'edit' before it decide all of it",
      "rule 'acls/view_tasks/1' never decides: 'api/b' before it decide all of it",
    ]);
    expect(bench.may('run_tasks')).toBe('no by a');
    expect(bench.may('view_tasks', 'root')).toBe('no by api/b');
    expect(bench.may('view_roles', '*')).toBe('no by acls/permissive');
    expect(bench.may('call', 'web')).toBe('no by default');
    const again = await bench.ask('PUT', '/rules', { revision, rules });
    expect(again.status).toBe(409);
    const seen = await bench.ask('GET', '/rules');
    expect(seen.json.rules.map((r) => r.name)).toEqual([
      'a',
      'edit',
      'api/a',
      'api/b',
      'api/c',
      'acls/view_tasks/1',
      'acls/permissive',
    ]);
  });

  it('follows its files, and stays as it is while they are wrong', async () => {
    const bench = new Bench({ file: 'p.yaml' }, { 'p.yaml': 'default: deny' });
    await bench.keeper.start();
    const versions: number[] = [];
    bench.keeper.onChange(() => versions.push(bench.keeper.policy.version));
    expect(bench.may('call')).toBe('no by default');
    bench.files.set('p.yaml', 'default: deny\nrules: [{name: x, efect: allow}]');
    await bench.refreshed();
    expect(bench.may('call')).toBe('no by default');
    expect(bench.health.report().conditions['policy']?.detail).toMatch(
      /version 1 stays: .*did you mean 'effect'/,
    );
    bench.files.delete('p.yaml');
    await bench.refreshed();
    expect(bench.may('call')).toBe('no by default');
    expect(bench.health.report().conditions['policy']?.detail).toMatch(/no such file/);
    bench.files.set('p.yaml', 'default: allow');
    await bench.refreshed();
    expect(bench.may('call')).toBe('yes by default');
    expect(bench.health.report().conditions['policy']?.detail).toBe('version 2');
    expect(versions).toEqual([2]);
  });

  it('lets the parts of the program work with each other, whatever the rules say', async () => {
    const bench = new Bench({ default: 'deny' }, {}, undefined, 'rimrock');
    await bench.keeper.start();
    const own = { kind: 'principal' as const, name: 'rimrock', groups: [] };
    const request = { subject: own, action: 'register_frameworks', object: '*' };
    expect(bench.keeper.decide(request)).toEqual({ allowed: true, rule: 'own/parts', version: 1 });
    expect(bench.may('register_frameworks', '*')).toBe('no by default');
  });

  it('does not start with rules that are not right', async () => {
    await expect(new Bench({ file: 'p.yaml' }).keeper.start()).rejects.toMatchObject({
      code: 'POLICY_FILE_UNREADABLE',
    });
    const wrong = new Bench({ file: 'p.yaml' }, { 'p.yaml': 'rules: [{}' });
    await expect(wrong.keeper.start()).rejects.toMatchObject({ code: 'POLICY_FILE_WRONG' });
  });

  it('hears of rules that another process has written', async () => {
    const one = new Bench();
    const other = new Bench({}, {}, one.store);
    await one.keeper.start();
    await other.keeper.start();
    const heard = new Promise<void>((resolve) => other.keeper.onChange(resolve));
    await one.ask('PUT', '/rules', { revision: 0, rules: [rule('shut', 'deny', 'call')] });
    await heard;
    expect(other.may('call')).toBe('no by api/shut');
    const later = new Bench({}, {}, one.store);
    await later.keeper.start();
    expect(later.may('call')).toBe('no by api/shut');
    for (const { keeper } of [one, other, later]) await keeper.stop();
  });

  it('counts what it decides by action', async () => {
    const bench = new Bench({ default: 'deny' });
    await bench.keeper.start();
    for (const action of ['call', 'call', 'view_tasks', 'made up', 'another']) bench.may(action);
    expect(await bench.metrics.text()).toContain('rimrock_policy_denied_total{action="call"} 2');
    expect(await bench.metrics.text()).toContain('rimrock_policy_denied_total{action="other"} 2');
  });
});

describe('the API of the policy', () => {
  it('explains', async () => {
    const bench = new Bench();
    await bench.keeper.start();
    const rules = [
      { name: 'ops', effect: 'allow', who: 'group:ops', may: 'call', on: 'web' },
      { name: 'others', effect: 'deny', who: 'anyone', may: 'call' },
    ];
    expect((await bench.ask('PUT', '/rules', { revision: 0, rules })).status).toBe(200);
    const url = '/explain?who=user:alice&group=dev&action=call&object=web&method=GET&path=/x';
    expect((await bench.ask('GET', url)).json).toMatchObject({
      allowed: false,
      rule: 'api/others',
      rules: [
        { rule: 'api/ops', decides: false, because: 'it is for group:ops, not for user alice of dev' },
        { rule: 'api/others', decides: true },
      ],
    });
    expect((await bench.ask('GET', `${url}&group=ops`)).json).toMatchObject({
      allowed: true,
      rule: 'api/ops',
    });
    expect((await bench.ask('GET', '/version')).json).toMatchObject({ version: 2, default: 'allow' });
  });

  it.each([
    ['/explain?who=user:a*&action=call', /^who:/],
    ['/explain?who=group:a&action=call', /^who:/],
    ['/explain?who=anonymous&action=cal', /unknown action 'cal'/],
    ['/explain?who=anonymous&actoin=call', /unknown parameter 'actoin'/],
  ])('refuses %s', async (url, message) => {
    const { status, json } = await new Bench().ask('GET', url);
    expect({ status, message: json.message }).toEqual({
      status: 400,
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [{ revision: 0, rules: [{ name: 'x' }] }, /not right/],
    [{ revision: -1, rules: [] }, /^revision/],
    [{ revision: 0, rules: [], more: 1 }, /unknown key 'more'/],
    ['x', /JSON object/],
  ])('refuses to keep %j', async (body, message) => {
    const { status, json } = await new Bench().ask('PUT', '/rules', body);
    expect({ status, message: json.message }).toEqual({
      status: 400,
      message: expect.stringMatching(message),
    });
  });
});
