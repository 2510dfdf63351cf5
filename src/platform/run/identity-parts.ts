import { join, resolve } from 'node:path';
import type { Auth } from '../../auth/index.ts';
import type { JoinedIdentity } from '../../auth/join/index.ts';
import type { TaskAuthority } from '../../auth/workload/index.ts';
import type { PolicyKeeper } from '../../auth/policy-keeper/index.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { IdentitySource, RunningTasks, TaskIdentities } from '../../core/identity.ts';
import { towardsMaster } from '../../core/http/mutual-tls.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { Component } from '../../core/lifecycle.ts';
import { sha1Start } from '../../core/sha1.ts';
import type { PolicySource } from '../../core/policy/types.ts';
import type { EmbeddedStore, Store } from '../../store/index.ts';
import type { Mesh } from '../../mesh/index.ts';
import type { RimrockConfig } from '../config/schema.ts';
import { platformErrors } from '../errors.ts';
import { runs } from '../roles.ts';
import type { Role } from '../roles.ts';
import { addFollowedIdentity } from './followed-identity.ts';
import { followsLeader, ownNames, runsIdentity } from './identity-facts.ts';
import type { Identity, Masters } from './identity-facts.ts';
import { followMasters } from './follow-services.ts';
import { accessByFile, hasRules } from './guarding.ts';
import type { OwnLogin } from './guarding.ts';
import { taskNaming } from './task-names.ts';
import { watched } from './part.ts';
import type { Add, Ports, Shared, Surroundings, Told } from './part.ts';

/** Who is who, and who may do what. */
export async function addIdentity(
  role: Role,
  config: RimrockConfig,
  {
    around,
    local,
    store,
    own,
    told,
    masters,
  }: {
    around: Surroundings;
    /** Of this machine. */
    local: EmbeddedStore | undefined;
    /** What masters share. */
    store: Store | undefined;
    own: OwnLogin | undefined;
    told: Told;
    masters: Masters;
  },
  add: Add,
): Promise<Identity> {
  const { required, login } = config.auth;
  // It guards the master, and the master tells it what runs: one of them must be made first.
  const tasks: RunningTasks = {
    find: (...which) => masters.tasks?.find(...which),
    agentIdentity: (agentId) => masters.tasks?.agentIdentity?.(agentId),
  };
  if (store && followsLeader(role, config))
    return addFollowedIdentity(role, config, { around, store, own, masters }, tasks, add);
  if (!local || !runsIdentity(role, config)) {
    const policy = hasRules(config.auth.policy) ? await addPolicy(config, told, add) : undefined;
    const access = required ? await accessByFile(login, role.name, around.clock, policy) : undefined;
    const tls = await addJoined(role, config, add);
    return { access, policy, tls, edge: tls?.identity };
  }
  const { createAuth } = await import('../../auth/index.ts');
  const folder = join(config.data, role.name === 'up' ? 'auth' : `${role.name}-auth`);
  const workloads = { tasks, namesOf: await taskNaming(config) };
  const make = (s: Shared): Auth =>
    createAuth({
      ...watched(s, local),
      config: config.auth,
      store: local,
      folder,
      workloads,
      names: ownNames(config),
      ...(own && { own }),
    });
  const ports: Ports<Auth> = (c) => ({ 'auth.port': c.address.port });
  const auth = add('auth', 'auth', make, { ports, notes: (c) => c.notes() });
  const access = required ? { ...auth.access, openMetrics: login.openMetrics } : undefined;
  const edge = runs(role, 'lb') ? await addEdgeIdentity(auth, config.lb.tls.selfSigned, add) : undefined;
  return { access, policy: auth.policy, tls: auth.tls, workloads: auth.workloads, edge };
}

/** The load balancer beside the authority is an edge like those that joined, and not the master. */
async function addEdgeIdentity(
  { authority }: Auth,
  names: readonly string[],
  add: Add,
): Promise<IdentitySource> {
  const { IdentityKeeper } = await import('../../auth/index.ts');
  const issuer = authority.issuerFor({ path: '/edge', names, by: 'rimrock' });
  const make = (s: Shared): Component & { readonly keeper: IdentitySource } => {
    const keeper = new IdentityKeeper({ ...s, issuer });
    return {
      name: 'edge identity',
      start: async () => void (await keeper.start()),
      stop: async () => keeper.stop(),
      keeper,
    };
  };
  return add('edge identity', 'auth', make).keeper;
}

/** The identity of a process away from the authority, where the control plane speaks TLS. */
async function addJoined(
  role: Role,
  { auth, data }: RimrockConfig,
  add: Add,
): Promise<MutualTls | undefined> {
  const { tls: mode, join: config, trustDomain } = auth;
  if (mode === 'off') return undefined;
  if (runs(role, 'auth')) throw platformErrors.PLATFORM_NO_AUTHORITY({ mode });
  const { JoinedIdentity } = await import('../../auth/join/index.ts');
  const folder = config.folder === '' ? join(data, `${role.name}-identity`) : config.folder;
  const make = (s: Shared): JoinedIdentity =>
    new JoinedIdentity({ ...s, config, mode, trustDomain, role: role.name, folder });
  return add('identity', 'auth', make).tls;
}

/** Identities of the tasks of this process's agent, where there is an authority that gives them. */
export async function addTaskIdentities(
  config: RimrockConfig,
  here: TaskAuthority | undefined,
  told: Told,
  add: Add,
): Promise<TaskIdentities | undefined> {
  const { workload } = config.auth;
  if (!workload.enabled || (!here && workload.authority === undefined)) return undefined;
  const { createTaskIdentities, remoteAuthority } = await import('../../auth/workload/index.ts');
  return add(
    'identities',
    'agent',
    (s) => {
      const authority =
        here ??
        remoteAuthority({
          ...s,
          url: workload.authority ?? '',
          client: createHttpClient(towardsMaster(s.tls)),
        });
      return createTaskIdentities({ ...s, config: workload, folder: config.data, authority });
    },
    { told },
  );
}

/** Mutual TLS on behalf of the tasks of this process's agent. `followed`: services are known here anyway, and it will be told of them. */
export async function addMesh(
  config: RimrockConfig,
  identities: TaskIdentities,
  policy: PolicySource | undefined,
  told: Told,
  add: Add,
  followed: boolean,
): Promise<Mesh> {
  const { createMesh } = await import('../../mesh/index.ts');
  // agents of one machine have folders of their own
  const table = `rimrock_mesh_${sha1Start(resolve(config.data)).toString(16)}`;
  const make = (s: Shared): Mesh =>
    createMesh({
      ...s,
      config: config.mesh,
      policy,
      sourceOf: (task) => identities.sourceOf(task),
      table,
      services: followed ? undefined : followMasters(config, s),
    });
  return add('mesh', 'mesh', make, { told });
}

/** The policy where there is no authority: what the files say. */
async function addPolicy({ auth }: RimrockConfig, told: Told, add: Add): Promise<PolicyKeeper> {
  const { PolicyKeeper } = await import('../../auth/policy-keeper/index.ts');
  return add('policy', 'auth', (s) => new PolicyKeeper({ ...s, config: auth.policy }), { told });
}
