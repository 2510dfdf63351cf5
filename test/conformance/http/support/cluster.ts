import { frameworkId, stateOf, statusOf, taskOf } from '../../dns/support/cluster.ts';

/** An app of Marathon with labels, whose tasks listen on ports of 127.0.0.1. */
export interface App {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
}

function task(app: App, index: number): Record<string, unknown> {
  const port = app.ports[index] ?? 0;
  const spec = { name: app.name, endpoints: app.ports.length, index, family: 'host' } as const;
  return {
    ...taskOf(spec),
    // A port is part of who the task is: on another port it is another task.
    task_id: { value: `${app.name}.${port}` },
    statuses: [{ ...statusOf(spec, 'TASK_RUNNING'), task_id: { value: `${app.name}.${port}` } }],
    labels: { labels: Object.entries(app.labels).map(([key, value]) => ({ key, value })) },
    resources: [{ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: port, end: port }] } }],
    discovery: {
      visibility: 'FRAMEWORK',
      name: app.name,
      ports: { ports: [{ number: port, name: 'http', protocol: 'tcp' }] },
    },
  };
}

/** The body of `get_state`; every agent is this machine. */
export function stateOfApps(apps: readonly App[]): Record<string, unknown> {
  const state = stateOf([]) as {
    get_agents: { agents: { agent_info: Record<string, unknown>; pid: string }[] };
  };
  for (const agent of state.get_agents.agents) {
    agent.agent_info['hostname'] = '127.0.0.1';
    agent.pid = 'slave(1)@127.0.0.1:5051';
  }
  return { ...state, get_tasks: { tasks: apps.flatMap((app) => app.ports.map((_port, i) => task(app, i))) } };
}

/** Events of the stream: one more task of an app, and its end. */
export function taskCame(app: App, index: number): unknown {
  return { type: 'TASK_ADDED', task_added: { task: task(app, index) } };
}

export function taskWent(app: App, index: number): unknown {
  const task_id = { value: `${app.name}.${app.ports[index]}` };
  const spec = { name: app.name, endpoints: 1, index, family: 'host' } as const;
  const status = { ...statusOf(spec, 'TASK_FINISHED'), task_id };
  return {
    type: 'TASK_UPDATED',
    task_updated: { framework_id: { value: frameworkId() }, status, state: 'TASK_FINISHED' },
  };
}
