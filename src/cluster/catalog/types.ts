import type { Unsubscribe } from '../../core/subscribers.ts';
import type { TaskState } from '../../mesos/index.ts';

/** An agent whose addresses are known. Immutable, like everything in the catalog. */
export interface CatalogAgent {
  readonly id: string;
  readonly hostname: string;
  /** From the agent's pid; IP literals only. */
  readonly ips: readonly string[];
  readonly port: number;
  readonly active: boolean;
  /** Its fault domain, `<region>/<zone>`; absent where it has none. */
  readonly zone?: string;
}

export interface CatalogFramework {
  readonly id: string;
  readonly name: string;
  /** The scheduler's host as it was given: the pid's, else the host name; an address, a name, or empty. */
  readonly host: string;
  /** `host`, where it is an IP literal. Names are for those to look up who want them. */
  readonly ips: readonly string[];
  /** Port of the pid; frameworks on the HTTP API have none. */
  readonly pidPort: number | undefined;
  readonly active: boolean;
}

/** A network that a task's container is attached to. */
export interface CatalogNetwork {
  readonly name: string;
  /** Valid literals only, as listed. */
  readonly ips: readonly string[];
}

export interface CatalogPort {
  readonly number: number;
  readonly name: string;
  /** As given: `tcp`, `udp`, `tcp,udp`, or empty. */
  readonly protocol: string;
  readonly labels: ReadonlyMap<string, string>;
  /** The port at which its scheduler wants the service to be reached from outside (Marathon's servicePort). */
  readonly servicePort?: number;
  /** How its scheduler finds out whether an instance is well at this port. */
  readonly check?: CatalogCheck;
}

/** A health check that a scheduler runs over the network, and others can run as well. Times in milliseconds. */
export interface CatalogCheck {
  readonly kind: 'http' | 'tcp';
  /** Of `http`, with a slash first. */
  readonly path?: string;
  /** Another port of the instance than the one that it is a check of. */
  readonly port?: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** So many failures in a row are too many. */
  readonly failures: number;
}

/** A task with what DNS and load balancing need to know of it. Tasks in terminal states are not in the catalog. */
export interface CatalogTask {
  /** Framework id, a blank, task id: unique in the cluster. */
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly frameworkId: string;
  readonly frameworkName: string;
  readonly agentId: string;
  readonly agentHostname: string;
  readonly state: TaskState;
  /** Verdict of the task's own health check; undefined when there is none or no result yet. */
  readonly healthy: boolean | undefined;
  /** Mesos checks its health: without a verdict it was not checked yet. */
  readonly hasHealthCheck: boolean;
  /** IPs of the agent it runs on (Mesos-DNS source `host`). */
  readonly agentIps: readonly string[];
  /** IPs by the other sources of Mesos-DNS (mesos-dns.md §6.4), from the newest TASK_RUNNING status. Valid literals only. */
  readonly netinfoIps: readonly string[];
  readonly dockerIps: readonly string[];
  readonly mesosIps: readonly string[];
  /** Those of its networks that have a name, with its addresses there (from the same status). */
  readonly networks: readonly CatalogNetwork[];
  /** `resources.ports`, expanded, ascending by range as given. */
  readonly ports: readonly number[];
  readonly discovery:
    | { readonly name: string; readonly visibility: string; readonly ports: readonly CatalogPort[] }
    | undefined;
  readonly labels: ReadonlyMap<string, string>;
  /** Timestamp of the first TASK_RUNNING status, milliseconds since the epoch; 0 when unknown. */
  readonly startedAtMs: number;
}

/** One running (or leaving) instance of a service, as the load balancer sees it. */
export interface Instance {
  readonly taskKey: string;
  readonly taskId: string;
  readonly agentId: string;
  readonly host: string;
  /**
   * `up`: take traffic; `draining`: TASK_KILLING, finish what runs and take nothing new; `waiting`: not yet running
   * (STAGING, STARTING) or unreachable.
   */
  readonly phase: 'up' | 'draining' | 'waiting';
  readonly healthy: boolean | undefined;
  /** Where each service port is reached, by index; undefined where that port does not exist on this instance. */
  readonly addresses: readonly (Address | undefined)[];
  readonly startedAtMs: number;
  readonly labels: ReadonlyMap<string, string>;
  /** Fault domain of its agent, `<region>/<zone>`. */
  readonly zone?: string | undefined;
}

export interface Address {
  readonly ip: string;
  readonly port: number;
}

/**
 * All tasks of one framework that share a name (discovery name, else task name). A service that its framework
 * declares exists also without instances; others go with their last instance.
 */
export interface Service {
  /** `<framework name>/<service name>`: stable over restarts of framework and tasks. */
  readonly key: string;
  readonly frameworkName: string;
  readonly name: string;
  readonly declared: boolean;
  /** Labels of the declaration, else of the youngest instance. */
  readonly labels: ReadonlyMap<string, string>;
  readonly ports: readonly CatalogPort[];
  readonly instances: readonly Instance[];
}

/** Something that was left out, and why. `GET /rejected` shows these. */
export interface Rejected {
  readonly kind: 'agent' | 'framework' | 'task' | 'label' | 'service' | 'master';
  readonly id: string;
  readonly reason: string;
}

export interface MasterAddress {
  readonly ip: string;
  readonly port: number;
}

export interface Staleness {
  readonly sinceMs: number;
  readonly reason: string;
}

/**
 * What the cluster offers at one moment. The maps are read-only views that hold until the next change; the values in
 * them never change and may be kept.
 */
export interface CatalogVersion {
  /** 0 before the first snapshot, then rising by one with each change. */
  readonly version: number;
  readonly agents: ReadonlyMap<string, CatalogAgent>;
  readonly frameworks: ReadonlyMap<string, CatalogFramework>;
  readonly tasks: ReadonlyMap<string, CatalogTask>;
  readonly services: ReadonlyMap<string, Service>;
  readonly leader: MasterAddress | undefined;
  /** Known masters in the order they were configured, the leader included when it is one of them. */
  readonly masters: readonly MasterAddress[];
  readonly rejected: ReadonlyMap<string, Rejected>;
  /** Set while the master cannot be followed and this is the last known good state. */
  readonly stale: Staleness | undefined;
}

export interface SetDiff<T> {
  readonly added: readonly T[];
  readonly changed: readonly { readonly before: T; readonly after: T }[];
  readonly removed: readonly T[];
}

/** What changed from the previous version. The first diff after the start carries everything as `added`. */
export interface CatalogDiff {
  readonly agents: SetDiff<CatalogAgent>;
  readonly frameworks: SetDiff<CatalogFramework>;
  readonly tasks: SetDiff<CatalogTask>;
  readonly services: SetDiff<Service>;
  readonly mastersChanged: boolean;
  readonly staleChanged: boolean;
}

export interface Catalog {
  readonly current: CatalogVersion;
  onChange(f: (next: CatalogVersion, diff: CatalogDiff) => void): Unsubscribe;
}
