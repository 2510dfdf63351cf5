import type { EnvironmentVariable, Secret } from '../../../mesos/index.ts';
import type { App } from '../apps/app.ts';
import { assignedPorts } from '../apps/ports.ts';

const LABEL_LIMIT = 512;

/** The environment of a task (marathon.md §5); what the app sets itself wins. */
export function taskEnvironment(
  app: App,
  task: { readonly taskId: string; readonly host: string; readonly ports: readonly number[] },
): EnvironmentVariable[] {
  const variables = new Map<string, string>([
    ['MESOS_TASK_ID', task.taskId],
    ['HOST', task.host],
    ['MARATHON_APP_ID', app.id],
    ['MARATHON_APP_VERSION', app.version],
    ['MARATHON_APP_RESOURCE_CPUS', String(app.cpus)],
    ['MARATHON_APP_RESOURCE_MEM', String(app.mem)],
    ['MARATHON_APP_RESOURCE_DISK', String(app.disk)],
    ['MARATHON_APP_RESOURCE_GPUS', String(app.gpus)],
    ['MARATHON_APP_ENFORCE_GROUP_ROLE', 'false'],
    ...(app.container?.docker === undefined
      ? []
      : [['MARATHON_APP_DOCKER_IMAGE', app.container.docker.image] as [string, string]]),
    ...portVariables(app, task.ports),
    ...labelVariables(app.labels),
  ]);
  const secrets = new Map<string, EnvironmentVariable>();
  for (const [name, value] of Object.entries(app.env)) {
    if (typeof value === 'string') variables.set(name, value);
    else {
      variables.delete(name);
      secrets.set(name, { name, type: 'SECRET', secret: secretOf(app, value.secret) });
    }
  }
  const plain = [...variables].map(([name, value]) => ({ name, type: 'VALUE' as const, value }));
  return [...plain, ...secrets.values()];
}

/** A secret of the app for the agent, which knows it by its source. */
export function secretOf(app: Pick<App, 'secrets'>, name: string): Secret {
  return { type: 'REFERENCE', reference: { name: app.secrets?.[name]?.source ?? name } };
}

function portVariables(app: App, ports: readonly number[]): [string, string][] {
  const out: [string, string][] = [];
  const all = assignedPorts(app, ports).map((port) => ({ ...port, number: port.outside ?? port.inside }));
  all.forEach(({ name, servicePort, containerPort, number }, i) => {
    const requested = containerPort ?? servicePort;
    out.push([`PORT${i}`, String(number)]);
    out.push([`PORT_${requested === 0 ? number : requested}`, String(number)]);
    if (name !== undefined) out.push([`PORT_${shellName(name)}`, String(number)]);
  });
  const [first] = all;
  if (first !== undefined) out.push(['PORT', String(first.number)]);
  out.push(['PORTS', all.map(({ number }) => number).join(',')]);
  return out;
}

function labelVariables(labels: Readonly<Record<string, string>>): [string, string][] {
  const out: [string, string][] = [];
  const keys: string[] = [];
  for (const [key, value] of Object.entries(labels)) {
    if (key.length >= LABEL_LIMIT || value.length >= LABEL_LIMIT) continue;
    const name = shellName(key);
    keys.push(name);
    out.push([`MARATHON_APP_LABEL_${name}`, value]);
  }
  return [['MARATHON_APP_LABELS', keys.join(' ')], ...out];
}

/** Runs of other characters become one underscore, letters capitals. */
function shellName(text: string): string {
  return text.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase();
}
