import type {
  CommandInfo,
  DiscoveryInfo,
  HealthCheck,
  Labels,
  Resource,
  TaskInfo,
} from '../../../mesos/index.ts';
import type { App } from '../apps/app.ts';
import type { HealthCheckDefinition } from '../apps/check-schemas.ts';
import { isMarathonRun } from '../apps/check-schemas.ts';
import { discoveryName } from '../apps/paths.ts';
import { taskEnvironment } from './environment.ts';

export interface TaskPlacement {
  readonly taskId: string;
  readonly agentId: string;
  readonly host: string;
  readonly ports: readonly number[];
  readonly resources: readonly Resource[];
}

/** The task that runs one instance (marathon.md §4, §5; mesos-api.md §2.8). */
export function taskInfo(app: App, at: TaskPlacement): TaskInfo {
  const check = app.healthChecks.find((c) => !isMarathonRun(c));
  const name = discoveryName(app.id);
  return {
    name,
    task_id: { value: at.taskId },
    agent_id: { value: at.agentId },
    resources: at.resources,
    command: command(app, at),
    labels: labelList(app.labels),
    discovery: discovery(app, name, at.ports),
    ...(check === undefined ? {} : { health_check: executorCheck(check, at.ports) }),
    ...(app.taskKillGracePeriodSeconds === undefined
      ? {}
      : { kill_policy: { grace_period: { nanoseconds: Math.round(app.taskKillGracePeriodSeconds * 1e9) } } }),
  };
}

function command(app: App, at: TaskPlacement): CommandInfo {
  const shared: CommandInfo = {
    environment: { variables: taskEnvironment(app, at) },
    ...(app.user === undefined ? {} : { user: app.user }),
    ...(app.fetch.length === 0
      ? {}
      : {
          uris: app.fetch.map(({ uri, extract, executable, cache, destPath }) => ({
            value: uri,
            extract,
            executable,
            cache,
            ...(destPath === undefined ? {} : { output_file: destPath }),
          })),
        }),
  };
  if (app.cmd !== undefined) return { shell: true, value: app.cmd, ...shared };
  const args = app.args ?? [];
  return { shell: false, value: args[0] ?? '', arguments: args, ...shared };
}

function labelList(labels: Readonly<Record<string, string>>): Labels {
  return { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) };
}

function discovery(app: App, name: string, ports: readonly number[]): DiscoveryInfo {
  return {
    visibility: 'FRAMEWORK',
    name,
    ports: {
      ports: app.portDefinitions.map((definition, i) => ({
        number: ports[i] ?? 0,
        ...(definition.name === undefined ? {} : { name: definition.name }),
        protocol: definition.protocol,
        labels: labelList({ ...definition.labels, 'network-scope': 'host' }),
      })),
    },
  };
}

/** COMMAND and MESOS_* checks are run beside the task by its executor. */
function executorCheck(check: HealthCheckDefinition, ports: readonly number[]): HealthCheck {
  const timing = {
    delay_seconds: check.delaySeconds,
    interval_seconds: check.intervalSeconds,
    timeout_seconds: check.timeoutSeconds,
    consecutive_failures: check.maxConsecutiveFailures,
    grace_period_seconds: check.gracePeriodSeconds,
  };
  const port = check.port ?? ports[check.portIndex ?? 0] ?? 0;
  if (check.protocol === 'COMMAND') {
    const environment = { variables: [] };
    return {
      type: 'COMMAND',
      command: { shell: true, value: check.command?.value ?? '', environment },
      ...timing,
    };
  }
  if (check.protocol === 'MESOS_TCP') return { type: 'TCP', tcp: { port }, ...timing };
  const scheme = check.protocol === 'MESOS_HTTPS' ? 'https' : 'http';
  return { type: 'HTTP', http: { scheme, port, path: check.path ?? '/' }, ...timing };
}
