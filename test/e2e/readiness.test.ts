import { Resolver } from 'node:dns/promises';
import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { Site } from '../support/platform.ts';
import type { Role, Running } from '../support/platform.ts';

// `/ready` of each role, from before its start to after its end: while it says yes, nothing is refused.

const SECTIONS = {
  master: ['data', 'master', 'auth'],
  agent: ['data', 'agent'],
  marathon: ['data', 'marathon'],
  edge: ['cluster', 'dns', 'lb'],
} as const;
type Part = keyof typeof SECTIONS;
const HOST = 'ready.example.test';

/** The status of one request on a connection of its own; 0 when there was no answer. */
function ask(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    get(
      { port, path, host: '127.0.0.1', agent: false, headers: { host: HOST }, timeout: 10_000 },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', () => resolve(0));
      },
    )
      .on('timeout', function (this: { destroy(): void }) {
        this.destroy();
      })
      .on('error', () => resolve(0));
  });
}

describe('readiness', () => {
  let site: Site;
  const running = new Map<Part, Running>();

  const start = async (role: Part, until: 'ready' | 'spawned' = 'ready'): Promise<Running> => {
    const one = await site.start(role satisfies Role, { settings: SECTIONS[role], until });
    running.set(role, one);
    return one;
  };
  beforeAll(async () => {
    site = await Site.make();
    for (const role of ['master', 'agent', 'marathon', 'edge'] as const) await start(role);
    const marathon = new Marathon(site.ports.marathon);
    await marathon.deploy('POST', '/apps', httpApp('ready', { instances: 2 }));
    await marathon.settled(60_000);
    await eventually('the edge to serve', async () => (await ask(site.ports.http, '/')) === 200);
  }, 180_000);
  afterAll(() => site.close());

  const dnsAnswers = async (): Promise<boolean> => {
    const resolver = new Resolver({ timeout: 5_000, tries: 1 });
    resolver.setServers([`127.0.0.1:${site.ports.dns}`]);
    return resolver.resolve4('ready.marathon.mesos').then(
      (found) => found.length > 0,
      () => false,
    );
  };
  /** What clients of a role ask of it. */
  const works: Readonly<Record<Part, () => Promise<boolean>>> = {
    master: async () => (await ask(site.ports.master, '/state')) === 200,
    agent: async () => (await ask(site.ports.agent, '/state')) === 200,
    marathon: async () => (await ask(site.ports.marathon, '/v2/apps')) === 200,
    edge: async () => (await ask(site.ports.http, '/')) === 200 && (await dnsAnswers()),
  };
  const isReady = async (role: Part): Promise<boolean> =>
    (await ask(role === 'edge' ? site.ports.admin : site.ports[role], '/ready')) === 200;

  it.each(['edge', 'marathon', 'agent', 'master'] as const)('of the %s tells the truth', async (role) => {
    const seen = { readyAndWorks: 0, notReady: 0, lies: 0 };
    const look = async (): Promise<void> => {
      const before = await isReady(role);
      const good = await works[role]();
      const after = await isReady(role);
      if (!before || !after) seen.notReady++;
      else if (good) seen.readyAndWorks++;
      else seen.lies++;
    };
    /** Looks until it is over, and asks for a number of looks in that state. */
    const lookUntil = async (over: () => boolean): Promise<void> => {
      while (!over()) {
        await look();
        await pause(5);
      }
    };
    let gone = false;
    const status = running.get(role)?.interrupt();
    void status?.then(() => (gone = true));
    await lookUntil(() => gone);
    expect(await status).toBe(0);
    expect(seen.notReady).toBeGreaterThan(0);
    seen.readyAndWorks = 0;
    seen.notReady = 0;
    await start(role, 'spawned');
    await lookUntil(() => seen.readyAndWorks >= 10);
    expect(seen.notReady).toBeGreaterThan(0);
    expect(seen.lies).toBe(0);
  });
});
