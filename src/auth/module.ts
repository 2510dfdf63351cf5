import type { Clock } from '../core/clock.ts';
import type { Health } from '../core/health.ts';
import type { RunningTasks, TaskFacts } from '../core/identity.ts';
import type { Api } from '../core/http/server.ts';
import type { Logger } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import type { Store } from '../store/index.ts';
import type { AuthConfig } from './config.ts';
import type { KeyStore } from './keystore/types.ts';
import type { Credential } from './people/principals.ts';

/** What the authority must be told of tasks. */
export interface WorkloadSources {
  readonly tasks: RunningTasks;
  /** The names that DNS gives a task; what is no host name is left out. */
  readonly namesOf: (task: TaskFacts) => Iterable<string>;
}

/** What auth is made of. */
export interface AuthParts {
  readonly config: AuthConfig;
  /** Where it keeps files: keys, and what was issued to whom. Made when it is needed. */
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  /** DNS names and addresses of the certificate of this process, for those who look for them. */
  readonly names?: readonly string[];
  /** With which parts of this process log in to each other; known nowhere else. */
  readonly own?: Credential;
  /** What the master knows of tasks; without it they get no identities. */
  readonly workloads?: WorkloadSources;
}

/** What an inner room of auth gets. */
export interface ModuleParts extends AuthParts {
  /** Where private keys are kept; ready when modules start. */
  readonly keys: KeyStore;
}

/** An inner room of auth that does something of its own. */
export interface AuthModule {
  /** Add its part to the HTTP API; called once, before `start`. */
  routes(api: Api): void;
  /** The store is open; the API listens once every module has started. */
  start(): Promise<void>;
  stop(): Promise<void>;
}
