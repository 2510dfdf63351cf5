import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { callsOfPage, routesOfCode, routesOfPage, wordsOfSource } from '../../scripts/support/http-routes.ts';
import type { RouteLine } from '../../scripts/support/http-routes.ts';

const page = readFileSync(new URL('../../docs/reference/http.md', import.meta.url), 'utf8');
const listed = routesOfPage(page);
let code: Awaited<ReturnType<typeof routesOfCode>>;

/** Whether a route of the code, which may end in a wildcard, takes what the page lists. */
function takes(route: RouteLine, line: RouteLine): boolean {
  return route === line || (route.endsWith('*') && line.startsWith(route.slice(0, -1)));
}

function paths(lines: Iterable<RouteLine>): string[] {
  return [...new Set([...lines].map((line) => line.slice(line.indexOf(' ') + 1)))].sort();
}

describe('docs/reference/http.md', () => {
  beforeAll(async () => {
    code = await routesOfCode();
  }, 60_000);

  it('has a section for each API, and no other', () => {
    expect([...listed.keys()].sort()).toEqual([...code.keys()].sort());
    expect(code.size).toBe(7);
  });

  it.each([
    'marathon.port',
    'dns.httpPort',
    'dns.dcos.http.port',
    'lb.admin.port',
    'agent.port',
    'auth.port',
  ])('%s: every route, and no other', (key) => {
    const bare = [...(code.get(key) ?? [])].filter((route) => !route.includes('/slave(1)'));
    const lines = [...(listed.get(key) ?? [])];
    expect(bare.length).toBeGreaterThan(5);
    expect(bare.filter((route) => !lines.some((line) => takes(route, line)))).toEqual([]);
    expect(lines.filter((line) => !bare.some((route) => takes(route, line)))).toEqual([]);
  });

  it('agent.port: what the page says of /slave(1)', () => {
    const routes = [...(code.get('agent.port') ?? [])];
    const prefixed = routes.filter((r) => r.includes('/slave(1)')).map((r) => r.replace('/slave(1)', ''));
    const bare = routes.filter((r) => !r.includes('/slave(1)') && !/ \/(metrics|ready)$/.test(r));
    expect(prefixed.sort()).toEqual(bare.sort());
  });

  it('master.port: every path, and no other', () => {
    const entry = /(?:\[|json\(|long\()\s*'([a-z][\w/()-]*)',/g; // the master finds its routes in a table of its own
    const files = ['routes', 'v0-api', 'maintenance-api', 'allocation-api', 'files-api'];
    const own = new Set(files.flatMap((file) => wordsOfSource(`master/http/${file}.ts`, entry)));
    const fixed = [...(code.get('master.port') ?? [])].filter((route) => !route.endsWith('/*'));
    expect(paths(listed.get('master.port') ?? [])).toEqual(
      [...[...own].map((path) => `/${path}`), ...paths(fixed)].sort(),
    );
  });

  const payload = /\['([A-Z_]+)', (?:undefined|'[a-z_]+')\]/g;
  it.each([
    ['Calls of the operator API', 'master/input/operator-call.ts', payload],
    ['Calls of the scheduler API', 'master/input/scheduler-call.ts', payload],
    ['Calls of the agent link', 'master/input/agent-call.ts', payload],
    ["Calls of the agent's operator API", 'agent/api/operator-call.ts', payload],
  ] as const)('%s: every type, and no other', (title, file, pattern) => {
    const types = wordsOfSource(file, pattern);
    expect(types.length).toBeGreaterThan(4);
    expect(callsOfPage(page, title)).toEqual(types);
  });
});
