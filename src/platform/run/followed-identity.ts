import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FollowedAuth } from '../../auth/followed/index.ts';
import type { RunningTasks } from '../../core/identity.ts';
import type { LeadingMaster } from '../../master/index.ts';
import type { Standing, Store } from '../../store/index.ts';
import type { RimrockConfig } from '../config/schema.ts';
import type { Role } from '../roles.ts';
import type { OwnLogin } from './guarding.ts';
import { ownNames } from './identity-facts.ts';
import type { Identity, Masters } from './identity-facts.ts';
import type { Add, Ports, Shared, Surroundings } from './part.ts';
import { taskNaming } from './task-names.ts';

/** Who is who and who may do what, as the leading master knows it. */
export async function addFollowedIdentity(
  role: Role,
  config: RimrockConfig,
  {
    around,
    store,
    own,
    masters,
  }: {
    readonly around: Surroundings;
    readonly store: Store;
    readonly own: OwnLogin | undefined;
    readonly masters: Masters;
  },
  tasks: RunningTasks,
  add: Add,
): Promise<Identity> {
  const { FollowedAuth: Followed } = await import('../../auth/followed/index.ts');
  const { required, login } = config.auth;
  if (existsSync(join(config.data, role.name)))
    around.log.warn(
      { folder: join(config.data, role.name) },
      'what this machine has kept of identity itself is not taken over: accounts and authority are those in the store',
    );
  const workloads = { tasks, namesOf: await taskNaming(config) };
  const make = (s: Shared): FollowedAuth =>
    new Followed({
      ...s,
      config: config.auth,
      store,
      folder: join(config.data, `${role.name}-auth`),
      workloads,
      names: ownNames(config),
      standing: () => placeOf(masters.standing?.()),
      ...(own && { own }),
    });
  const ports: Ports<FollowedAuth> = (c) => ({ 'auth.port': c.address.port });
  const auth = add('auth', 'auth', make, { ports, notes: (c) => c.notes() });
  const access = required ? { ...auth.access, openMetrics: login.openMetrics } : undefined;
  return { access, policy: undefined, tls: auth.tls, along: auth };
}

/** Where the identity API of the leader is. */
function placeOf(standing: Standing<LeadingMaster> | undefined): Standing<string> {
  if (standing === undefined) return { kind: 'stands-by', leader: undefined };
  if (standing.kind !== 'stands-by') return standing;
  const { hostname = '', along_port: port } = standing.leader ?? {};
  if (port === undefined) return { kind: 'stands-by', leader: undefined };
  return { kind: 'stands-by', leader: `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}` };
}
