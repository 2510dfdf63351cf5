import type { CheckInfo, CheckStatusInfo, HealthCheck, IpProtocol, TaskState } from '../../mesos/index.ts';
import type { Handle } from '../launcher/launcher.ts';
import type { StatusFacts } from '../updates/status.ts';
import type { TaskContext } from './context.ts';
import { startHealthChecker } from './health-checker.ts';
import { kindOf, lookOf } from './probe.ts';
import type { ProbeContext } from './probe.ts';
import { lookRepeatedly } from './repeated-look.ts';

/** The task as its checks see it. */
export interface Checked {
  readonly handle: Handle;
  readonly health: HealthCheck | undefined;
  readonly check: CheckInfo | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly sandbox: string;
  tell(facts: StatusFacts): void;
  /** The health check has failed too often. */
  unhealthy(): void;
}

/** The health check of a task, which may end it, and its check, whose result is only told (mesos-api.md §2.8). */
export class Checks {
  readonly #running: { stop(): void }[] = [];
  #healthy: boolean | undefined;
  #found: CheckStatusInfo | undefined;

  constructor(check: CheckInfo | undefined) {
    if (check) this.#found = statusOf(check, {});
  }

  /** What every status of the task carries: the last result of its check, while it runs its health too. */
  facts(state: TaskState): Pick<StatusFacts, 'healthy' | 'check_status'> {
    return {
      ...(state === 'TASK_RUNNING' && this.#healthy !== undefined ? { healthy: this.#healthy } : {}),
      ...(this.#found ? { check_status: this.#found } : {}),
    };
  }

  start({ clock, probe, launcher }: Pick<TaskContext, 'clock' | 'probe' | 'launcher'>, task: Checked): void {
    const { handle, health, check, environment, sandbox } = task;
    const contextBy = (protocol: IpProtocol = 'IPv4'): ProbeContext => ({
      environment,
      sandbox,
      host: hostOf(handle, protocol),
      exec: (command, signal) => launcher.exec(handle, command, signal),
    });
    const changed = (healthy: boolean): void => {
      this.#healthy = healthy;
      task.tell({ state: 'TASK_RUNNING', healthy, reason: 'REASON_TASK_HEALTH_CHECK_STATUS_UPDATED' });
    };
    if (health) {
      const listener = { changed, unhealthy: () => task.unhealthy() };
      const context = contextBy(health[kindOf(health) === 'HTTP' ? 'http' : 'tcp']?.protocol);
      this.#running.push(startHealthChecker(health, context, { clock, probe, listener }));
    }
    if (!check) return;
    const context = contextBy();
    const looking = lookRepeatedly(lookOf(check), check, { clock, probe, context }, (answer) => {
      const found = statusOf(check, answer);
      if (JSON.stringify(found) === JSON.stringify(this.#found)) return;
      this.#found = found;
      task.tell({ state: 'TASK_RUNNING', reason: 'REASON_TASK_CHECK_STATUS_UPDATED' });
    });
    this.#running.push(looking);
  }

  stop(): void {
    for (const one of this.#running.splice(0)) one.stop();
  }
}

/** As Mesos writes it: the kind, and its part, which is empty while there is no answer. */
function statusOf(check: CheckInfo, { http, tcp, command }: CheckStatusInfo): CheckStatusInfo {
  const kind = kindOf(check);
  if (kind === 'HTTP') return { type: 'HTTP', http: http ?? {} };
  if (kind === 'TCP') return { type: 'TCP', tcp: tcp ?? {} };
  return { type: 'COMMAND', command: command ?? {} };
}

/** Where the ports of a task are: in a container with an address of its own there, of this kind where it has one, else on the machine itself. */
function hostOf({ networks }: Handle, protocol: IpProtocol): string {
  const own = networks?.[0]?.ip_addresses ?? [];
  const found = own.find((address) => (address.protocol ?? 'IPv4') === protocol) ?? own[0];
  return found?.ip_address ?? (protocol === 'IPv6' ? '::1' : '127.0.0.1');
}
