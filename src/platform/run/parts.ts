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
import { createPortableReactor } from '../../net/index.ts';
import { openEmbeddedStore } from '../../store/index.ts';
import type { Store } from '../../store/index.ts';
import type { RimrockConfig, Section } from '../config/schema.ts';
import type { Role } from '../roles.ts';

/** A component with what tells about it. */
export interface Part {
  readonly name: string;
  readonly section: Section;
  readonly component: Component;
  readonly health: Health;
  readonly metrics: Metrics;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
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
  const add: Add = (name, section, make, told = newTold()) => {
    const component = make({ ...around, ...told, log: around.log.child({ part: name }) });
    parts.push({ ...told, name, section, component });
    return component;
  };
  const runsMarathon = has('marathon') && config.marathon.enabled;
  const store = has('master') || runsMarathon ? await openStore(role, config, around.log) : undefined;
  if (store)
    add('store', 'data', () => ({ name: 'store', start: async () => {}, stop: () => store.close() }));
  if (store && has('master'))
    add('master', 'master', (s) => createMaster({ ...s, config: config.master, store }));
  if (has('agent')) add('agent', 'agent', (s) => createAgent({ ...s, config: config.agent }));
  if (store && runsMarathon)
    add('marathon', 'marathon', (s) => createMarathon({ ...s, config: config.marathon, store }));
  if (has('cluster')) addEdge(config, around, add);
  return parts;
}

/** What a part tells about itself. */
interface Told {
  readonly health: Health;
  readonly metrics: Metrics;
}

function newTold(): Told {
  return { health: new Health(), metrics: new Metrics() };
}

type Add = <C extends Component>(
  name: string,
  section: Section,
  make: (shared: Surroundings & Told) => C,
  told?: Told,
) => C;

/** The watch has no port of its own: its metrics and health are on the admin port of the load balancer. */
function addEdge(config: RimrockConfig, { clock, log }: Surroundings, add: Add): void {
  const reactor = createPortableReactor({ clock, log: log.child({ part: 'net' }) });
  const told = newTold();
  const { catalog } = add('cluster', 'cluster', (s) => createCluster({ ...s, config: config.cluster }), told);
  add('dns', 'dns', (s) => createDns({ ...s, config: config.dns, catalog, reactor }));
  add('lb', 'lb', (s) => createLoadBalancer({ ...s, config: config.lb, catalog, reactor }), told);
}

/** Roles on one machine have stores of their own, so that they can share a data folder. */
function openStore(role: Role, config: RimrockConfig, log: Logger): Promise<Store> {
  const folder = role.name === 'up' ? 'store' : role.name;
  return openEmbeddedStore({ dir: join(config.data, folder), log: log.child({ part: 'store' }) });
}
