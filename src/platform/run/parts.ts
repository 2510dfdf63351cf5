import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import { createAgent } from '../../agent/index.ts';
import { createCluster } from '../../cluster/index.ts';
import { createDns } from '../../dns/index.ts';
import { createMarathon } from '../../frameworks/index.ts';
import { createLoadBalancer } from '../../lb/index.ts';
import { createMaster } from '../../master/index.ts';
import type { Master } from '../../master/index.ts';
import { createPortableReactor } from '../../net/index.ts';
import { openEmbeddedStore } from '../../store/index.ts';
import type { EmbeddedStore } from '../../store/index.ts';
import type { RimrockConfig, Section } from '../config/schema.ts';
import type { Role } from '../roles.ts';
import { ReloadCounts } from './reload.ts';

/** A component with what tells about it. */
export interface Part {
  readonly name: string;
  readonly section: Section;
  readonly component: Component;
  readonly health: Health;
  readonly metrics: Metrics;
  /** The ports that are really in use, by the key that asked for them; valid once started. */
  ports(): Readonly<Record<string, number>>;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of the configuration; shown with the metrics of DNS. */
  readonly reloads?: ReloadCounts;
  /** Called by a part that sees no point in going on; the process ends. */
  readonly fail?: (error: Error) => void;
  /** Of which tasks get a part. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The parts of a role, in the order in which they start: each finds what it needs already running. They stop in the
 * opposite order: first the edge drains, while the tasks behind it still answer; then Marathon, so that it does not
 * start again what the agent ends; the master after everyone who talks to it; the store last.
 */
export async function buildParts(role: Role, config: RimrockConfig, around: Surroundings): Promise<Part[]> {
  const parts: Part[] = [];
  const has = (section: Section): boolean => role.sections.includes(section);
  const add: Add = (name, section, make, { ports, told = newTold() } = {}) => {
    const component = make({ ...around, ...told, log: around.log.child({ part: name }) });
    parts.push({ ...told, name, section, component, ports: () => ports?.(component) ?? {} });
    return component;
  };
  const runsMarathon = has('marathon') && config.marathon.enabled;
  const store = has('master') || runsMarathon ? await openStore(role, config, around.log) : undefined;
  if (store)
    add('store', 'data', () => ({ name: 'store', start: async () => {}, stop: () => store.close() }));
  if (store && has('master')) {
    const make = (s: Shared): Master => createMaster({ ...watched(s, store), config: config.master, store });
    add('master', 'master', make, { ports: (c) => ({ 'master.port': c.address.port }) });
  }
  if (has('agent')) {
    const ports: Ports<ReturnType<typeof createAgent>> = (c) => ({ 'agent.port': c.address.port });
    add('agent', 'agent', (s) => createAgent({ ...s, config: config.agent }), { ports });
  }
  if (store && runsMarathon) {
    const ports: Ports<ReturnType<typeof createMarathon>> = (c) => ({ 'marathon.port': c.address.port });
    const make = (s: Shared): ReturnType<typeof createMarathon> =>
      createMarathon({ ...watched(s, store), config: config.marathon, store });
    add('marathon', 'marathon', make, { ports });
  }
  if (has('cluster')) addEdge(config, around, add);
  return parts;
}

/** What a part tells about itself. */
interface Told {
  readonly health: Health;
  readonly metrics: Metrics;
}

type Shared = Surroundings & Told;

function newTold(): Told {
  return { health: new Health(), metrics: new Metrics() };
}

/** A part that keeps things is well only as long as the store takes them. */
function watched(shared: Shared, store: EmbeddedStore): Shared {
  shared.health.require('store', () => {
    const problem = store.problem();
    return problem === undefined ? { ok: true } : { ok: false, detail: problem };
  });
  return shared;
}

/** The ports that are really in use, by the key that asked for them. */
type Ports<C> = (component: C) => Readonly<Record<string, number>>;

type Add = <C extends Component>(
  name: string,
  section: Section,
  make: (shared: Shared) => C,
  options?: { readonly ports?: Ports<C>; readonly told?: Told },
) => C;

/** The watch has no port of its own: its metrics and health are on the admin port of the load balancer. */
function addEdge(
  config: RimrockConfig,
  { clock, log, reloads = new ReloadCounts() }: Surroundings,
  add: Add,
): void {
  const reactor = createPortableReactor({ clock, log: log.child({ part: 'net' }) });
  const told = newTold();
  const { catalog } = add('cluster', 'cluster', (s) => createCluster({ ...s, config: config.cluster }), {
    told,
  });
  const dnsTold = newTold();
  reloads.expose(dnsTold.metrics);
  add('dns', 'dns', (s) => createDns({ ...s, config: config.dns, catalog, reactor }), {
    told: dnsTold,
    ports: ({ addresses: { udp, http, dcosHttp } }) => ({
      'dns.port': udp.port,
      'dns.httpPort': http?.port ?? 0,
      'dns.dcos.http.port': dcosHttp?.port ?? 0,
    }),
  });
  add('lb', 'lb', (s) => createLoadBalancer({ ...s, config: config.lb, catalog, reactor }), {
    told,
    ports: ({ addresses: { http, admin } }) => ({ 'lb.http.port': http.port, 'lb.admin.port': admin.port }),
  });
}

/** Roles on one machine have stores of their own, so that they can share a data folder. */
function openStore(role: Role, config: RimrockConfig, log: Logger): Promise<EmbeddedStore> {
  const folder = role.name === 'up' ? 'store' : role.name;
  return openEmbeddedStore({ dir: join(config.data, folder), log: log.child({ part: 'store' }) });
}
