import { join } from 'node:path';
import type { Access } from '../../core/http/guard.ts';
import type { RunningTasks } from '../../core/identity.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { Master } from '../../master/index.ts';
import type { EmbeddedStore, Store } from '../../store/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import type { RimrockConfig, Section } from '../config/schema.ts';
import type { Role } from '../roles.ts';
import { newOwnLogin, withLogin } from './guarding.ts';
import { taskIds } from './task-ids.ts';
import { addEdge } from './edge-parts.ts';
import { followsLeader, runsIdentity } from './identity-facts.ts';
import { addIdentity, addMesh, addTaskIdentities } from './identity-parts.ts';
import { newTold, watched } from './part.ts';
import type { Add, Part, Ports, Shared, Surroundings } from './part.ts';

/**
 * The parts of a role, in the order in which they start: each finds what it needs already running. They stop in the
 * opposite order: first the edge drains, while the tasks behind it still answer; then Marathon, so that it does not
 * start again what the agent ends; the master after everyone who talks to it; the store last. Only the rooms that a role
 * runs are loaded: all of them would be a tenth of the memory of an edge.
 */
export async function buildParts(role: Role, given: RimrockConfig, around: Surroundings): Promise<Part[]> {
  const parts: Part[] = [];
  let access: Access | undefined;
  let tls: MutualTls | undefined;
  let mesh: Mesh | undefined;
  const consulTls = given.store.consul.tls;
  const has = (section: Section): boolean => role.sections.includes(section);
  const add: Add = (name, section, make, { ports, notes, told = newTold() } = {}) => {
    const component = make({
      ...around,
      ...told,
      access,
      tls,
      consulTls,
      log: around.log.child({ part: name }),
    });
    const tells = { ports: () => ports?.(component) ?? {}, notes: () => notes?.(component) ?? [] };
    parts.push({ ...told, ...tells, name, section, component });
    return component;
  };
  const own = runsIdentity(role, given) && given.auth.required ? newOwnLogin(around.random) : undefined;
  const config = own ? withLogin(given, own) : given;
  const runsMarathon = has('marathon') && config.marathon.enabled;
  const { local, store } = await openStores(role, config, { around, runsMarathon }, add);
  // Everybody after it is guarded by it.
  const told = newTold();
  const masters: { tasks?: RunningTasks; standing?: Master['standing'] } = {};
  const identity = await addIdentity(role, config, { around, local, store, own, told, masters }, add);
  ({ access, tls } = identity);
  if (store && has('master')) {
    const { createMaster } = await import('../../master/index.ts');
    const { along } = identity;
    const make = (s: Shared): Master =>
      createMaster({ ...watched(s, local), config: config.master, store, along });
    const master = add('master', 'master', make, { ports: (c) => ({ 'master.port': c.address.port }) });
    masters.tasks = master.tasks;
    masters.standing = () => master.standing();
  }
  if (has('agent')) {
    const { createAgent } = await import('../../agent/index.ts');
    const ports: Ports<ReturnType<typeof createAgent>> = (c) => ({ 'agent.port': c.address.port });
    const agentTold = newTold();
    const identities = await addTaskIdentities(config, identity.workloads, agentTold, add);
    mesh = identities && (await addMesh(config, identities, identity.policy, agentTold, add, has('dns')));
    const make = (s: Shared): ReturnType<typeof createAgent> =>
      createAgent({ ...s, config: config.agent, identities, mesh });
    add('agent', 'agent', make, { ports, told: agentTold });
  }
  if (store && runsMarathon) {
    const { createMarathon } = await import('../../frameworks/index.ts');
    const ports: Ports<ReturnType<typeof createMarathon>> = (c) => ({ 'marathon.port': c.address.port });
    const make = (s: Shared): ReturnType<typeof createMarathon> =>
      createMarathon({ ...watched(s, local), config: config.marathon, store });
    add('marathon', 'marathon', make, { ports });
  }
  if (has('dns')) {
    const { catalog, vips } = await addEdge(
      config,
      { ...around, told, policy: identity.policy, identity: identity.edge },
      add,
    );
    mesh?.follow({ catalog, idOf: await taskIds(config), vips });
  }
  return parts;
}

/** `local`: what is kept on this machine, identity too where it does not follow the leader; `store`: where master and Marathon keep theirs. */
async function openStores(
  role: Role,
  config: RimrockConfig,
  { around, runsMarathon }: { readonly around: Surroundings; readonly runsMarathon: boolean },
  add: Add,
): Promise<{ readonly local: EmbeddedStore | undefined; readonly store: Store | undefined }> {
  const shares = config.store.engine === 'consul';
  const keeps = role.sections.includes('master') || runsMarathon;
  const ownIdentity = runsIdentity(role, config) && !followsLeader(role, config);
  const local =
    (keeps && !shares) || ownIdentity ? await openLocalStore(role, config, around.log) : undefined;
  if (local) add('store', 'data', () => asPart('store', local));
  if (shares && ownIdentity)
    around.log.warn(
      'identity is kept on this machine: another master has accounts and an authority of its own; auth.keys.passphraseFile of role master, with the same passphrase on each, has it follow the leader',
    );
  if (!keeps || !shares) return { local, store: local };
  const store = await openSharedStore(config, around);
  add('shared store', 'store', () => asPart('shared store', store));
  return { local, store };
}

/** Roles on one machine have stores of their own, so that they can share a data folder. */
async function openLocalStore(role: Role, config: RimrockConfig, log: Logger): Promise<EmbeddedStore> {
  const { openEmbeddedStore } = await import('../../store/index.ts');
  const folder = role.name === 'up' ? 'store' : role.name;
  return openEmbeddedStore({ dir: join(config.data, folder), log: log.child({ part: 'store' }) });
}

/** What several masters share. */
async function openSharedStore(config: RimrockConfig, { clock, random, log }: Surroundings): Promise<Store> {
  const { openConsulStore } = await import('../../store/index.ts');
  return openConsulStore({ config: config.store.consul, clock, random, log: log.child({ part: 'store' }) });
}

function asPart(name: string, store: Store): Component {
  return { name, start: async () => {}, stop: () => store.close() };
}
