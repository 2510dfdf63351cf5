import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { call } from '../../../support/http.ts';
import type { JsonAnswer } from '../../../support/http.ts';
import { Site } from '../../../support/platform.ts';
import type { Running } from '../../../support/platform.ts';
import { ReplayMaster } from '../../../support/replay-master.ts';
import { root } from '../../../support/root.ts';
import { STANDARD, stateOf } from './cluster.ts';
import type { ServiceSpec } from './cluster.ts';

/** The long forms of the checks, as docs/reference/dns-conformance.md has them; else the short ones of `npm test`. */
export const LONG = process.env['RIMROCK_DNS_LONG'] === '1';

/** `short` in `npm test`, `long` in the long form. */
export function sized(short: number, long: number): number {
  return LONG ? long : short;
}

/** What `rimrock edge` knows of DNS, with its defaults. Asked of the program itself, so that the checks run for each of its engines. */
function knownDnsConfig(): Record<string, unknown> {
  const arguments_ = ['bin/rimrock.mjs', 'edge', '--print-config'];
  const text = execFileSync(process.execPath, arguments_, { cwd: root, encoding: 'utf8' });
  return (parse(text) as { readonly dns: Record<string, unknown> }).dns;
}

const known = knownDnsConfig();

/** `default` where there is no choice. */
export type Engine = 'default' | 'auto' | 'linux' | 'portable';

/** The engines to run a check of behaviour with: both where there are two. RIMROCK_DNS_ENGINE names a single one. */
export const ENGINES: readonly Engine[] = engines();

/** The engine for checks that take their time: the one people get. */
export const ENGINE: Engine = ENGINES[0] ?? 'default';

export const hasRateLimit = 'rateLimit' in known;

function engines(): Engine[] {
  if (!('engine' in known)) return ['default'];
  const chosen = process.env['RIMROCK_DNS_ENGINE'];
  if (chosen === 'auto' || chosen === 'linux' || chosen === 'portable') return [chosen];
  return process.platform === 'linux' ? ['linux', 'portable'] : ['portable'];
}

/** Load from this machine must not be taken for a flood, but where that is what a check is about. */
function base(engine: Engine): Record<string, unknown> {
  return {
    externalOn: false,
    ...(engine === 'default' ? {} : { engine }),
    ...(hasRateLimit ? { rateLimit: { exempt: ['127.0.0.0/8'] } } : {}),
  };
}

/** A `rimrock edge` in a process of its own. */
export class EdgeUnderTest {
  readonly site: Site;
  readonly running: Running;

  constructor(site: Site, running: Running) {
    this.site = site;
    this.running = running;
  }

  /** Of DNS, on 127.0.0.1. */
  get port(): number {
    return this.site.ports.dns;
  }

  get pid(): number {
    return this.running.pid;
  }

  get alive(): boolean {
    try {
      return process.kill(this.pid, 0);
    } catch {
      return false;
    }
  }

  /** GET of the Mesos-DNS HTTP API. */
  http(path: string): Promise<JsonAnswer> {
    return call('GET', `http://127.0.0.1:${this.site.ports.dnsHttp}${path}`);
  }

  close(): Promise<void> {
    return this.site.close();
  }
}

export interface EdgeOptions {
  /** `ip:port` of the master it follows. */
  readonly master: string;
  readonly engine?: Engine;
  /** More keys of the section `dns`. */
  readonly dns?: Record<string, unknown>;
  readonly cluster?: Record<string, unknown>;
  readonly until?: 'ready' | 'spawned';
}

export async function startEdge(options: EdgeOptions): Promise<EdgeUnderTest> {
  const site = await Site.make();
  const { ports, data } = site;
  const config = {
    cluster: { masters: [options.master], ...options.cluster },
    dns: {
      ...base(options.engine ?? ENGINE),
      port: ports.dns,
      httpPort: ports.dnsHttp,
      ...options.dns,
    },
    lb: { http: { port: ports.http }, admin: { port: ports.admin } },
  };
  const file = join(data, 'edge.yaml');
  writeFileSync(file, JSON.stringify(config));
  try {
    const running = await site.start('edge', {
      arguments: ['--config', file],
      until: options.until ?? 'ready',
    });
    return new EdgeUnderTest(site, running);
  } catch (error) {
    await site.close();
    throw error;
  }
}

/** An edge that follows a master of a make-believe cluster; both end with `close`. */
export interface Fixture {
  readonly edge: EdgeUnderTest;
  readonly master: ReplayMaster;
  close(): Promise<void>;
}

export async function startFixture(
  options: { readonly services?: readonly ServiceSpec[] } & Omit<EdgeOptions, 'master'> = {},
): Promise<Fixture> {
  const { services = STANDARD, ...rest } = options;
  const master = await new ReplayMaster().listen();
  master.getState = stateOf(services);
  master.getMaster = { master_info: { id: 'm', ip: 0x0100007f, port: master.port, hostname: '127.0.0.1' } };
  try {
    const edge = await startEdge({ ...rest, master: master.address });
    return {
      edge,
      master,
      close: async () => {
        await edge.close();
        await master.close();
      },
    };
  } catch (error) {
    await master.close();
    throw error;
  }
}
