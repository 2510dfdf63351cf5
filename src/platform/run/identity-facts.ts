import type { TaskAuthority } from '../../auth/workload/index.ts';
import type { Access } from '../../core/http/guard.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { IdentitySource, RunningTasks } from '../../core/identity.ts';
import type { LivePolicy } from '../../core/policy/types.ts';
import type { LeadingMaster } from '../../master/index.ts';
import type { LeadsAlong, Standing } from '../../store/index.ts';
import type { RimrockConfig } from '../config/schema.ts';
import { runs } from '../roles.ts';
import type { Role } from '../roles.ts';

export function runsIdentity(role: Role, { auth }: RimrockConfig): boolean {
  return runs(role, 'auth') && auth.enabled;
}

/** Whom the other parts ask. */
export interface Identity {
  /** Undefined: their APIs are open. */
  readonly access: Access | undefined;
  /** Who may call which service; undefined: everybody. */
  readonly policy: LivePolicy | undefined;
  /** Undefined: the control plane speaks plain HTTP. */
  readonly tls: MutualTls | undefined;
  /** Who the load balancer is to instances and clients; undefined where it is nobody. */
  readonly edge?: IdentitySource | undefined;
  /** Who gives tasks their identity; undefined where that is not this process. */
  readonly workloads?: TaskAuthority | undefined;
  /** What begins and ends with the term of the master of this process. */
  readonly along?: LeadsAlong | undefined;
}

/** What is known of the master, which is made after what guards it. */
export interface Masters {
  readonly tasks?: RunningTasks;
  readonly standing?: () => Standing<LeadingMaster>;
}

/** Whether accounts and authority are in the store that masters share, sealed by the passphrase that they share. */
export function followsLeader(role: Role, config: RimrockConfig): boolean {
  const sealed = config.auth.keys.passphraseFile !== '';
  return role.name === 'master' && runsIdentity(role, config) && config.store.engine === 'consul' && sealed;
}

/** By which this machine may be dialled; who dials by another name goes by the SPIFFE id. */
export function ownNames({ master, auth, agent }: RimrockConfig): readonly string[] {
  const hosts = [master.host, auth.host, agent.hostname, 'localhost', '127.0.0.1', '::1'];
  return [...new Set(hosts)].filter((host) => !ANY.has(host) && /^[A-Za-z0-9.:_-]+$/.test(host));
}

const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
