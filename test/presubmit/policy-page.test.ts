import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyRoutes } from '../../src/auth/api/policy-routes.ts';
import { policyConfigSchema } from '../../src/auth/policy-keeper/config.ts';
import { PolicyKeeper } from '../../src/auth/policy-keeper/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { guard } from '../../src/core/http/guard.ts';
import { plainGuard } from '../../src/core/http/plain-guard.ts';
import { createApi, listen } from '../../src/core/http/server.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { FakeWorld } from '../../src/platform/testing/fake-world.ts';
import { main } from '../../src/platform/cli/main.ts';

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const RULES = text('config/policy.yaml');

const api = createApi();
let url = '';
const keeper = new PolicyKeeper({
  config: policyConfigSchema.parse({ file: 'policy.yaml' }),
  clock: systemClock,
  log: silentLogger,
  metrics: new Metrics(),
  health: new Health(),
  readText: async () => RULES,
});
beforeAll(async () => {
  await keeper.start();
  const subject = { kind: 'user' as const, name: 'olga', groups: ['ops'] };
  const authenticator = { authenticate: async () => ({ kind: 'subject' as const, subject }) };
  guard(api, { authenticator, authorizer: keeper }, plainGuard('lb'));
  policyRoutes(api, keeper);
  url = `http://127.0.0.1:${await listen(api, '127.0.0.1', 0)}`;
});
afterAll(async () => {
  await keeper.stop();
  await api.close();
});

async function run(
  words: readonly string[],
  files: Record<string, string> = {},
): Promise<{ status: number; world: FakeWorld }> {
  const world = new FakeWorld({ '/here/config/policy.yaml': RULES, ...files });
  world.environment['RIMROCK_API'] = url;
  return { status: await main(words, world), world };
}

/** What the page shows: a command, and what it prints. */
const shown = Array.from(
  text('docs/operations/policy.md').matchAll(/```\n\$ rimrock (.*)\n([^]*?)```/g),
  ([, command = '', output = '']) => [command, output] as const,
);

describe('rimrock policy', () => {
  it('has pages with examples', () => expect(shown.length).toBeGreaterThanOrEqual(3));

  it.each(shown)('does what the page shows: %s', async (command, output) => {
    const { world } = await run(command.split(' '));
    expect(world.stdout).toBe(output);
    expect(world.stderr).toBe('');
  });

  it.each([
    [['anonymous', 'call', 'marathon/web', '--path', '/'], 0],
    [['anonymous', 'call', 'marathon/web', '--path', '/admin/x'], 3],
    [['anonymous', 'call', 'marathon/db', '--alias', 'route:public-db'], 0],
    [['spiffe://rimrock.local/marathon/shop/web', 'call', 'marathon/db', '--method', 'GET'], 0],
    [['spiffe://rimrock.local/marathon/other', 'call', 'marathon/db', '--method', 'GET'], 3],
    [['user:bob', 'access_sandboxes', 'shop', '--group', 'shop', '--group', 'x'], 0],
    [['principal:agent', 'register_agents'], 0],
    [['group:ops', 'call'], 1],
    [['user:bob', 'cal'], 1],
  ])('the exit status tells the verdict: %j', async (words, status) => {
    const { status: found, world } = await run(['policy', 'explain', ...words]);
    expect(found, world.stderr).toBe(status);
  });

  it('prints what the API says', async () => {
    const { world } = await run(['policy', 'explain', 'user:a', 'view_tasks', '--json']);
    expect(JSON.parse(world.stdout)).toMatchObject({ allowed: true, rule: 'everybody-looks' });
  });

  it('says why it cannot ask', async () => {
    const { status, world } = await run([
      'policy',
      'explain',
      'user:a',
      'call',
      '--api',
      'http://127.0.0.1:1',
    ]);
    expect(status).toBe(1);
    expect(world.stderr).toMatch(/^the policy cannot be asked at http:\/\/127\.0\.0\.1:1: /);
  });

  it('checks files', async () => {
    const files = {
      '/here/wrong.yaml': 'rules: [{name: a, efect: allow, effect: allow, who: anyone, may: call}]',
      '/here/dark.yaml':
        'rules: [{name: a, effect: allow, who: anyone, may: "*"}, {name: b, effect: deny, who: anyone, may: call}]',
      '/here/acls.json': text('test/fixtures/policy/acls.json'),
    };
    const check = async (...words: string[]): Promise<string> => {
      const { status, world } = await run(['policy', 'check', ...words], files);
      return `${status} ${world.stdout}${world.stderr}`;
    };
    expect(await check('wrong.yaml')).toBe(
      "1 wrong.yaml: rules[0].efect: unknown key 'efect'; did you mean 'effect'?\n",
    );
    expect(await check('dark.yaml')).toBe(
      "0 2 rules are right\ndark.yaml: rule 'b' never decides: 'a' before it decide all of it\n",
    );
    expect(await check('acls.json', '--mesos')).toBe('0 9 rules are right\n');
    expect(await check('missing.yaml')).toMatch(/^1 missing\.yaml cannot be read/);
  });
});
