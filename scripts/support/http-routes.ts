import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Api } from '../../src/core/http/server.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { rimrockConfigSchema } from '../../src/platform/config/schema.ts';
import { roles } from '../../src/platform/roles.ts';
import { buildParts } from '../../src/platform/run/parts.ts';

/** `GET /v2/apps/{id}`, as both the page and the code are read. */
export type RouteLine = string;

const NOWHERE = '127.0.0.1:1'; // no part of a page must find a cluster that runs on this machine

/** The routes that the page lists, by the key of the port in the heading of each part. */
export function routesOfPage(page: string): ReadonlyMap<string, ReadonlySet<RouteLine>> {
  const sections = page.split(/^## /m).slice(1);
  const routes = new Map<string, ReadonlySet<RouteLine>>();
  for (const section of sections) {
    const key = /^[^\n]*`([\w.]+)`/.exec(section)?.[1];
    if (key === undefined) continue;
    const rows = [...section.matchAll(/^\| ([A-Z, ]+) \| ((?:`\/[^`]*`,? ?)+) \|/gm)];
    const lines = rows.flatMap(([, methods = '', paths = '']) =>
      [...paths.matchAll(/`([^`]+)`/g)].flatMap(([, path = '']) =>
        methods.split(', ').map((method) => `${method} ${path}`),
      ),
    );
    routes.set(key, new Set(lines));
  }
  return routes;
}

/** The calls that the page lists below the heading `### <title>`: the first cell of each row. */
export function callsOfPage(page: string, title: string): string[] {
  const section = page.split(/^#{2,3} /m).find((text) => text.startsWith(`${title}\n`)) ?? '';
  const cells = [...section.matchAll(/^\| (`[A-Z_`, ]+) \|/gm)].map(([, cell = '']) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name)).sort();
}

/** Strings of a source file that a pattern finds, each once. For tables that no room hands out. */
export function wordsOfSource(path: string, pattern: RegExp): string[] {
  const text = readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8');
  return [...new Set([...text.matchAll(pattern)].map(([, word = '']) => word))].sort();
}

/**
 * The routes of every part, by the key of its port. All parts are started, on free ports and without a master, and
 * fastify says what it is given (diagnostics channel `fastify.initialization`). HEAD goes with GET and is left out.
 */
export async function routesOfCode(): Promise<ReadonlyMap<string, ReadonlySet<RouteLine>>> {
  const made: { readonly api: Api; readonly routes: Set<RouteLine> }[] = [];
  const onApi = (message: unknown): void => {
    const { fastify: api } = message as { readonly fastify: Api };
    const routes = new Set<RouteLine>();
    made.push({ api, routes });
    api.addHook('onRoute', ({ method, url }) => {
      const path = url.replaceAll(/:(\w+)/g, '{$1}');
      const methods = [method].flat();
      // one that takes all of them answers 405 in its own words
      const told = methods.includes('TRACE') ? ['POST'] : methods;
      for (const m of told) if (m !== 'HEAD') routes.add(`${m} ${path}`);
    });
  };
  const data = mkdtempSync(join(tmpdir(), 'rimrock-routes-'));
  const up = roles.find((role) => role.name === 'up');
  if (!up) throw new Error('there is no role up');
  subscribe('fastify.initialization', onApi);
  const parts = await buildParts(up, configWithoutPorts(data), {
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    environment: {},
  });
  const found = new Map<string, ReadonlySet<RouteLine>>();
  try {
    for (const { component } of parts) await component.start();
    const keys = new Map(
      parts.flatMap((part) => Object.entries(part.ports()).map(([key, port]) => [port, key])),
    );
    for (const { api, routes } of made) {
      const address = api.server.address();
      const key = typeof address === 'object' && address !== null ? keys.get(address.port) : undefined;
      found.set(key ?? 'unknown', routes);
    }
  } finally {
    unsubscribe('fastify.initialization', onApi);
    for (const { component } of parts.toReversed()) await component.stop();
    rmSync(data, { recursive: true, force: true });
  }
  return found;
}

function configWithoutPorts(data: string): ReturnType<typeof rimrockConfigSchema.parse> {
  return rimrockConfigSchema.parse({
    data,
    master: { port: 0 },
    agent: { port: 0, master: `http://${NOWHERE}`, workDir: join(data, 'agent'), onStop: 'kill' },
    marathon: { port: 0, master: NOWHERE },
    cluster: { masters: [NOWHERE] },
    dns: {
      port: 0,
      httpPort: 0,
      externalOn: false,
      drainMs: 0,
      dcos: { enabled: true, http: { port: 0 } },
    },
    lb: { http: { port: 0 }, admin: { port: 0 } },
    auth: { port: 0 },
  });
}
