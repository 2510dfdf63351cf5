import type { EnvironmentVariable } from '../../../mesos/index.ts';
import type { App } from '../apps/app.ts';

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
    ...portVariables(app, task.ports),
    ...labelVariables(app.labels),
  ]);
  for (const [name, value] of Object.entries(app.env))
    if (typeof value === 'string') variables.set(name, value);
  return [...variables].map(([name, value]) => ({ name, type: 'VALUE', value }));
}

function portVariables(app: App, ports: readonly number[]): [string, string][] {
  const out: [string, string][] = [];
  ports.forEach((port, i) => {
    const definition = app.portDefinitions[i];
    const requested = definition?.port ?? 0;
    out.push([`PORT${i}`, String(port)]);
    out.push([`PORT_${requested === 0 ? port : requested}`, String(port)]);
    if (definition?.name !== undefined) out.push([`PORT_${shellName(definition.name)}`, String(port)]);
  });
  const [first] = ports;
  if (first !== undefined) out.push(['PORT', String(first)]);
  out.push(['PORTS', ports.join(',')]);
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
