import type { Clock } from '../../../core/clock.ts';
import type { HealthCheckDefinition } from '../apps/check-schemas.ts';
import { isMarathonRun } from '../apps/check-schemas.ts';
import { timestamp } from '../apps/app.ts';
import type { JsonObject } from '../apps/json.ts';
import type { EventBus } from '../events/bus.ts';
import type { Instance } from '../instances/instance.ts';
import { Checker } from './checker.ts';
import type { HealthState } from './health-state.ts';
import type { Prober } from './probe.ts';
import { ReadinessPoll } from './readiness.ts';

export type Verdict = 'good' | 'unknown' | 'bad';

interface Watched {
  readonly checkers: readonly Checker[];
  readonly readiness: ReadinessPoll | undefined;
}

export interface HealthParts {
  readonly clock: Clock;
  readonly prober: Prober;
  readonly events: EventBus;
  readonly firstIntervalMs: number;
  /** Something is to be done now. */
  readonly kick: () => void;
  readonly kill: (taskId: string, reason: string) => void;
}

/** The health of all instances: checks over the network that run here, and what executors report of theirs. */
export class HealthChecks {
  readonly #parts: HealthParts;
  readonly #watched = new Map<string, Watched>();

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** Begin to probe an instance that runs; nothing happens when that is done already. */
  watch(instance: Instance): void {
    if (this.#watched.has(instance.taskId)) return;
    const checkers = instance.app.healthChecks.filter(isMarathonRun).map((c) => this.#checker(instance, c));
    const [readinessCheck] = instance.app.readinessChecks;
    const readiness = readinessCheck
      ? new ReadinessPoll({ ...this.#parts, becameReady: this.#parts.kick }, instance, readinessCheck)
      : undefined;
    this.#watched.set(instance.taskId, { checkers, readiness });
  }

  unwatch(taskId: string): void {
    const watched = this.#watched.get(taskId);
    this.#watched.delete(taskId);
    for (const checker of watched?.checkers ?? []) checker.stop();
    watched?.readiness?.stop();
  }

  stop(): void {
    for (const taskId of this.#watched.keys()) this.unwatch(taskId);
  }

  /** Whether it serves: all checks alive (or none defined) and ready. */
  verdict(instance: Instance): Verdict {
    const health = this.health(instance);
    if (health === 'bad') return 'bad';
    const ready =
      this.#watched.get(instance.taskId)?.readiness?.ready ?? instance.app.readinessChecks.length === 0;
    return health === 'good' && ready ? 'good' : 'unknown';
  }

  /** The same by health checks alone. */
  health(instance: Instance): Verdict {
    if (instance.app.healthChecks.length === 0) return 'good';
    const states = this.states(instance);
    if (states.some((s) => !s.alive)) return 'bad';
    return states.length === instance.app.healthChecks.length ? 'good' : 'unknown';
  }

  /** One per check that has a verdict. */
  states(instance: Instance): HealthState[] {
    const states = (this.#watched.get(instance.taskId)?.checkers ?? []).flatMap((c) => c.state ?? []);
    const { executorHealthy } = instance;
    if (executorHealthy !== undefined && instance.app.healthChecks.some((c) => !isMarathonRun(c)))
      states.push({ alive: executorHealthy, consecutiveFailures: executorHealthy ? 0 : 1 });
    return states;
  }

  /** Tasks that the checks that run here found unwell, by app: nobody else knows of these. */
  foundUnhealthy(instances: Iterable<Instance>): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const { taskId, app } of instances) {
      const checkers = this.#watched.get(taskId)?.checkers ?? [];
      if (!checkers.some((checker) => checker.state?.alive === false)) continue;
      const same = found.get(app.id);
      if (same === undefined) found.set(app.id, [taskId]);
      else same.push(taskId);
    }
    return found;
  }

  /** As `healthCheckResults` of a task shows them. */
  results(instance: Instance): JsonObject[] {
    return this.states(instance).map((s) => ({
      alive: s.alive,
      consecutiveFailures: s.consecutiveFailures,
      ...(s.firstSuccessMs === undefined ? {} : { firstSuccess: timestamp(s.firstSuccessMs) }),
      ...(s.lastSuccessMs === undefined ? {} : { lastSuccess: timestamp(s.lastSuccessMs) }),
      ...(s.lastFailureMs === undefined ? {} : { lastFailure: timestamp(s.lastFailureMs) }),
      ...(s.lastFailureCause === undefined ? {} : { lastFailureCause: s.lastFailureCause }),
      instanceId: instance.id,
    }));
  }

  readiness(instance: Instance): JsonObject[] {
    const poll = this.#watched.get(instance.taskId)?.readiness;
    return poll ? [poll.result()] : [];
  }

  /** Tell listeners that an instance is found healthy or not (also for checks that executors run). */
  announce(instance: Instance): void {
    const health = this.health(instance);
    const common = { instanceId: instance.id, version: instance.app.version };
    this.#parts.events.publish('health_status_changed_event', {
      ...common,
      appId: instance.app.id,
      alive: health === 'good',
    });
    this.#parts.events.publish('instance_health_changed_event', {
      instanceId: instance.id,
      runSpecId: instance.app.id,
      healthy: health === 'unknown' ? null : health === 'good',
      runSpecVersion: instance.app.version,
    });
  }

  #checker(instance: Instance, check: HealthCheckDefinition): Checker {
    const { clock, prober, firstIntervalMs, events, kick, kill } = this.#parts;
    const appId = instance.app.id;
    return new Checker(
      {
        clock,
        prober,
        firstIntervalMs,
        changed: () => {
          this.announce(instance);
          kick();
        },
        failed: () =>
          events.publish('failed_health_check_event', { appId, taskId: instance.id, healthCheck: check }),
        kill: (cause) => {
          events.publish('unhealthy_instance_kill_event', {
            appId,
            taskId: instance.taskId,
            instanceId: instance.id,
            version: instance.app.version,
            reason: cause,
            host: instance.host,
            slaveId: instance.agentId,
          });
          kill(instance.taskId, `health check failed: ${cause}`);
        },
      },
      instance,
      check,
    );
  }
}
