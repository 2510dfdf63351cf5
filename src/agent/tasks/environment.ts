import type { CommandInfo } from '../../mesos/index.ts';

/** What a task gets of the agent's own environment (mesos-api.md §2.4: nothing else is inherited). */
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'SystemRoot', 'ComSpec', 'PATHEXT', 'TEMP', 'TMP'];
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface EnvironmentParts {
  /** The agent's own environment. */
  readonly agent: Readonly<Record<string, string | undefined>>;
  /** Configured for every task. */
  readonly configured: Readonly<Record<string, string>>;
  readonly command: CommandInfo | undefined;
  readonly frameworkId: string;
  readonly taskId: string;
  readonly agentId: string;
  readonly sandbox: string;
  readonly role: string | undefined;
  readonly address: { readonly host: string; readonly port: number };
}

/** The whole environment of a task; later sources win, the scheduler's word is the last. */
export function taskEnvironment(parts: EnvironmentParts): Record<string, string> {
  const env = new Map<string, string>([['PATH', DEFAULT_PATH]]);
  for (const name of INHERITED) {
    const value = parts.agent[name];
    if (value !== undefined) env.set(name, value);
  }
  for (const [name, value] of Object.entries(parts.configured)) env.set(name, value);
  const endpoint = `${parts.address.host}:${parts.address.port}`;
  env.set('MESOS_TASK_ID', parts.taskId);
  env.set('MESOS_FRAMEWORK_ID', parts.frameworkId);
  env.set('MESOS_EXECUTOR_ID', parts.taskId);
  env.set('MESOS_SLAVE_ID', parts.agentId);
  env.set('MESOS_SLAVE_PID', `slave(1)@${endpoint}`);
  env.set('MESOS_AGENT_ENDPOINT', endpoint);
  env.set('MESOS_DIRECTORY', parts.sandbox);
  env.set('MESOS_SANDBOX', parts.sandbox);
  env.set('MESOS_CHECKPOINT', '1');
  if (parts.role !== undefined) env.set('MESOS_ALLOCATION_ROLE', parts.role);
  for (const v of parts.command?.environment?.variables ?? []) {
    if (v.value !== undefined && (v.type ?? 'VALUE') === 'VALUE') env.set(v.name, v.value);
  }
  return Object.fromEntries(env);
}
