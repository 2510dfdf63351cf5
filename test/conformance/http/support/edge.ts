import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Site } from '../../../support/platform.ts';
import type { Running } from '../../../support/platform.ts';
import { footprint } from '../../../support/processes.ts';
import { ReplayMaster } from '../../../support/replay-master.ts';
import { root } from '../../../support/root.ts';

/** The long forms of the checks, as docs/reference/http-conformance.md has them; else the short ones of `npm test`. */
export const LONG = process.env['RIMROCK_HTTP_LONG'] === '1';

/** `short` in `npm test`, `long` in the long form. */
export function sized(short: number, long: number): number {
  return LONG ? long : short;
}

/** Of everything that is generated; each test prints it. */
export const SEED = Number(process.env['RIMROCK_SEED'] ?? 20_261_122);

export type Engine = 'linux' | 'portable';

/** The engines to run a check of behaviour with: both where there are two. RIMROCK_LB_ENGINE names a single one. */
export const ENGINES: readonly Engine[] = engines();

/** The engine for checks that take their time: the one people get. */
export const ENGINE: Engine = ENGINES[0] ?? 'portable';

function engines(): Engine[] {
  const chosen = process.env['RIMROCK_LB_ENGINE'];
  if (chosen === 'linux' || chosen === 'portable') return [chosen];
  return process.platform === 'linux' ? ['linux', 'portable'] : ['portable'];
}

export interface EdgeOptions {
  readonly engine?: Engine;
  /** By host name: who serves it (`127.0.0.1:port`). */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** Options of every one of these services (`balance`, `check`, ...). */
  readonly backend?: Readonly<Record<string, unknown>>;
  /** More keys of the section `lb`. */
  readonly lb?: Readonly<Record<string, unknown>>;
  /** More keys of the section `cluster`. */
  readonly cluster?: Readonly<Record<string, unknown>>;
  /** More keys of the section `dns`. */
  readonly dns?: Readonly<Record<string, unknown>>;
  /** The section `upgrade`. */
  readonly upgrade?: Readonly<Record<string, unknown>>;
  /** The body of `get_state` of the make-believe master. */
  readonly state?: unknown;
  /** Options of Node for the process. */
  readonly nodeOptions?: string;
  /** More of the environment of the process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A `rimrock edge` in a process of its own, in front of a make-believe master. */
export class EdgeUnderTest {
  readonly site: Site;
  readonly running: Running;
  readonly master: ReplayMaster;

  constructor(site: Site, running: Running, master: ReplayMaster) {
    this.site = site;
    this.running = running;
    this.master = master;
  }

  /** Of HTTP, on 127.0.0.1. */
  get port(): number {
    return this.site.ports.http;
  }

  /** The admin API. */
  get admin(): string {
    return `http://127.0.0.1:${this.site.ports.admin}`;
  }

  /** Resident memory in bytes. */
  get memory(): number {
    return footprint(this.running.pid)?.rssBytes ?? Number.NaN;
  }

  get cpuSeconds(): number {
    return footprint(this.running.pid)?.cpuSeconds ?? Number.NaN;
  }

  /** The sum of all series of a metric whose labels contain `having`. */
  async metric(name: string, having = ''): Promise<number> {
    const text = await (await fetch(`${this.admin}/metrics`)).text();
    let sum = 0;
    for (const line of text.split('\n'))
      if (new RegExp(`^${name}[{ ]`).test(line) && line.includes(having))
        sum += Number(line.slice(line.lastIndexOf(' ')));
    return sum;
  }

  async close(): Promise<void> {
    await this.site.close();
    await this.master.close();
  }
}

let known: ReadonlySet<string> | undefined;

/** Nothing listens beside what a check is about, as far as the program knows these settings. */
function quiet(): Record<string, unknown> {
  if (known === undefined) {
    const arguments_ = ['bin/rimrock.mjs', 'edge', '--print-config'];
    const text = execFileSync(process.execPath, arguments_, { cwd: root, encoding: 'utf8' });
    known = new Set(Object.keys((parse(text) as { readonly lb: Record<string, unknown> }).lb));
  }
  return {
    ...(known.has('https') ? { https: { port: 0 } } : {}),
    ...(known.has('servicePorts') ? { servicePorts: { enabled: false } } : {}),
  };
}

/** The settings that publish each service under the host name that is its key. */
function published({ services = {}, backend = {} }: EdgeOptions): Record<string, unknown> {
  const names = Object.keys(services);
  const nameOf = (host: string): string => `s-${host.replace(/[^a-z0-9]/g, '-')}-0`;
  return {
    services: Object.fromEntries(
      names.map((host) => [nameOf(host), { endpoints: services[host]?.join(','), ...backend }]),
    ),
    routes: {
      http: Object.fromEntries(names.map((host) => [nameOf(host), { host, service: nameOf(host) }])),
    },
  };
}

export async function startEdge(options: EdgeOptions): Promise<EdgeUnderTest> {
  const master = await new ReplayMaster().listen();
  if (options.state !== undefined) master.getState = options.state;
  const site = await Site.make();
  const { ports, data } = site;
  const config = {
    cluster: { masters: [master.address], ...options.cluster },
    dns: { port: ports.dns, httpPort: ports.dnsHttp, externalOn: false, workers: 1, ...options.dns },
    ...(options.upgrade === undefined ? {} : { upgrade: options.upgrade }),
    lb: {
      engine: options.engine ?? ENGINE,
      http: { port: ports.http },
      admin: { port: ports.admin },
      ...quiet(),
      ...published(options),
      ...options.lb,
    },
  };
  const file = join(data, 'edge.yaml');
  writeFileSync(file, JSON.stringify(config));
  const more = { ...options.environment };
  if (options.nodeOptions !== undefined) more['NODE_OPTIONS'] = options.nodeOptions;
  const before = { ...process.env };
  Object.assign(process.env, more);
  try {
    const running = await site.start('edge', { arguments: ['--config', file] });
    return new EdgeUnderTest(site, running, master);
  } catch (error) {
    await site.close();
    await master.close();
    throw error;
  } finally {
    for (const name of Object.keys(more)) delete process.env[name];
    Object.assign(process.env, before);
  }
}
