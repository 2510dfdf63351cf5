import type { App } from '../apps/app.ts';
import { timestamp } from '../apps/app.ts';
import type { JsonObject } from '../apps/json.ts';
import { appJson } from '../apps/present.ts';
import type { Instance } from '../instances/instance.ts';
import { isRunning } from '../instances/instance.ts';
import type { Scheduler } from '../scheduler.ts';
import { taskStats } from './task-stats.ts';
import { appPorts } from '../apps/ports.ts';

/** What is put into an app's JSON beside its definition (marathon.md §2.1). */
export interface Embed {
  readonly tasks: boolean;
  readonly lastTaskFailure: boolean;
  readonly readiness: boolean;
  readonly taskStats: boolean;
}

export const EMBED_ALL: Embed = { tasks: true, lastTaskFailure: true, readiness: true, taskStats: false };

/** Read `embed=` values; `apps.`, `app.` and `group.apps.` are the same. */
export function parseEmbed(values: readonly string[]): Embed {
  const names = new Set(values.map((v) => v.replace(/^(group\.apps|apps|app)\./, '')));
  return {
    tasks: names.has('tasks') || names.has('failures'),
    lastTaskFailure: names.has('lastTaskFailure') || names.has('failures'),
    readiness: names.has('readiness'),
    taskStats: names.has('taskStats'),
  };
}

/** An app with its counts and deployments, and what else is asked for. */
export function appView(scheduler: Scheduler, app: App, embed: Embed): JsonObject {
  const instances = scheduler.instances.ofApp(app.id);
  const failure = embed.lastTaskFailure ? scheduler.statuses.lastFailure(app.id) : undefined;
  return {
    ...appJson(app),
    ...counts(scheduler, instances),
    deployments: scheduler.deployments.holding([app.id]).map((d) => ({ id: d.id })),
    ...(embed.tasks ? { tasks: instances.map((i) => taskView(scheduler, i)) } : {}),
    ...(failure === undefined ? {} : { lastTaskFailure: failure }),
    ...(embed.readiness
      ? { readinessCheckResults: instances.flatMap((i) => scheduler.health.readiness(i)) }
      : {}),
    ...(embed.taskStats ? { taskStats: taskStats(scheduler, app, instances) } : {}),
  };
}

export function counts(scheduler: Scheduler, instances: readonly Instance[]): JsonObject {
  const running = instances.filter(isRunning);
  const checked = running.filter((i) => i.app.healthChecks.length > 0);
  return {
    tasksStaged: instances.filter((i) => i.state === 'TASK_STAGING' || i.state === 'TASK_STARTING').length,
    tasksRunning: running.length,
    tasksHealthy: checked.filter((i) => scheduler.health.health(i) === 'good').length,
    tasksUnhealthy: checked.filter((i) => scheduler.health.health(i) === 'bad').length,
  };
}

/** One task (marathon.md §2.3). */
export function taskView(scheduler: Scheduler, instance: Instance): JsonObject {
  const { app } = instance;
  return {
    appId: app.id,
    id: instance.taskId,
    host: instance.host,
    ports: instance.ports,
    slaveId: instance.agentId,
    state:
      instance.killing === undefined || instance.state === 'TASK_UNREACHABLE'
        ? instance.state
        : 'TASK_KILLING',
    stagedAt: timestamp(instance.stagedAtMs),
    ...(instance.startedAtMs === undefined ? {} : { startedAt: timestamp(instance.startedAtMs) }),
    version: app.version,
    ipAddresses: instance.ipAddresses.map((ip) => ({
      ipAddress: ip.ip_address,
      protocol: ip.protocol ?? 'IPv4',
    })),
    healthCheckResults: scheduler.health.results(instance),
    localVolumes: [],
    servicePorts: appPorts(app).map((p) => p.servicePort),
    ...(instance.region === undefined ? {} : { region: instance.region }),
    ...(instance.zone === undefined ? {} : { zone: instance.zone }),
    role: app.role,
  };
}
