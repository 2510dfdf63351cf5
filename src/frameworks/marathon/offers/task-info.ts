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
import { assignedPorts } from '../apps/ports.ts';
import type { AssignedPort } from '../apps/ports.ts';
import { containerOf } from './container.ts';
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
  const ports = assignedPorts(app, at.ports);
  return {
    name,
    task_id: { value: at.taskId },
    agent_id: { value: at.agentId },
    resources: at.resources,
    command: command(app, at),
    labels: labelList(app.labels),
    discovery: discovery(name, ports),
    ...containerOf(app, at.taskId, ports),
    ...(check === undefined ? {} : { health_check: executorCheck(check, ports) }),
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
  // an image has an entrypoint to which they go
  if (app.container?.docker !== undefined) return { shell: false, arguments: args, ...shared };
  return { shell: false, value: args[0] ?? '', arguments: args, ...shared };
}

function labelList(labels: Readonly<Record<string, string>>): Labels {
  return { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) };
}

function discovery(name: string, ports: readonly AssignedPort[]): DiscoveryInfo {
  return {
    visibility: 'FRAMEWORK',
    name,
    ports: {
      ports: ports.map((port) => ({
        number: port.outside ?? port.inside,
        ...(port.name === undefined ? {} : { name: port.name }),
        protocol: port.protocol,
        labels: labelList({
          ...port.labels,
          'network-scope': port.outside === undefined ? 'container' : 'host',
        }),
      })),
    },
  };
}

/** COMMAND and MESOS_* checks are run beside the task by its executor, in its network. */
function executorCheck(check: HealthCheckDefinition, ports: readonly AssignedPort[]): HealthCheck {
  const timing = {
    delay_seconds: check.delaySeconds,
    interval_seconds: check.intervalSeconds,
    timeout_seconds: check.timeoutSeconds,
    consecutive_failures: check.maxConsecutiveFailures,
    grace_period_seconds: check.gracePeriodSeconds,
  };
  const port = check.port ?? ports[check.portIndex ?? 0]?.inside ?? 0;
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
