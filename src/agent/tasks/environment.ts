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
  readonly executorId: string;
  readonly agentId: string;
  readonly sandbox: string;
  readonly role: string | undefined;
  readonly address: { readonly host: string; readonly port: number };
  /** Of the user that it runs as, where that is not the agent's. */
  readonly home?: string | undefined;
  /** Whether it runs in an image. */
  readonly image?: boolean;
  /** Where it finds its identity. */
  readonly identity?: Readonly<Record<string, string>>;
}

/** The whole environment of a task; later sources win, the scheduler's word is the last. */
export function taskEnvironment(parts: EnvironmentParts): Record<string, string> {
  // an image has a PATH and a HOME of its own
  const env = parts.image
    ? new Map(Object.entries(parts.configured))
    : inheritedEnvironment(parts.agent, parts.configured, parts.home);
  const endpoint = `${parts.address.host}:${parts.address.port}`;
  env.set('MESOS_TASK_ID', parts.taskId);
  env.set('MESOS_FRAMEWORK_ID', parts.frameworkId);
  env.set('MESOS_EXECUTOR_ID', parts.executorId);
  env.set('MESOS_SLAVE_ID', parts.agentId);
  env.set('MESOS_SLAVE_PID', `slave(1)@${endpoint}`);
  env.set('MESOS_AGENT_ENDPOINT', endpoint);
  env.set('MESOS_DIRECTORY', parts.sandbox);
  env.set('MESOS_SANDBOX', parts.sandbox);
  env.set('MESOS_CHECKPOINT', '1');
  if (parts.role !== undefined) env.set('MESOS_ALLOCATION_ROLE', parts.role);
  for (const [name, value] of Object.entries(parts.identity ?? {})) env.set(name, value);
  setVariables(env, parts.command);
  return Object.fromEntries(env);
}

/** What everything that the agent starts gets: a few variables of the agent's own, and those configured. */
export function inheritedEnvironment(
  agent: EnvironmentParts['agent'],
  configured: EnvironmentParts['configured'],
  home?: string,
): Map<string, string> {
  const env = new Map<string, string>([['PATH', DEFAULT_PATH]]);
  for (const name of INHERITED) {
    const value = agent[name];
    if (value !== undefined) env.set(name, value);
  }
  if (home !== undefined) env.set('HOME', home);
  for (const [name, value] of Object.entries(configured)) env.set(name, value);
  return env;
}

/** The variables that come with a command. Secrets have been read before: one that is still there has no value to tell. */
export function setVariables(env: Map<string, string>, command: CommandInfo | undefined): void {
  for (const { name, value } of command?.environment?.variables ?? [])
    if (value !== undefined) env.set(name, value);
}
