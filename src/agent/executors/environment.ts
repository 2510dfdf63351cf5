import type { CommandInfo } from '../../mesos/index.ts';
import type { RunPlace } from '../checkpoint/records.ts';
import { inheritedEnvironment, setVariables } from '../tasks/environment.ts';

export interface ExecutorEnvironmentParts {
  /** The agent's own environment. */
  readonly agent: Readonly<Record<string, string | undefined>>;
  /** Configured for every task and executor. */
  readonly configured: Readonly<Record<string, string>>;
  readonly place: RunPlace;
  readonly command: CommandInfo | undefined;
  readonly sandbox: string;
  /** Of the user that it runs as, where that is not the agent's. */
  readonly home?: string | undefined;
  readonly address: { readonly host: string; readonly port: number };
  readonly shutdownGraceMs: number;
  readonly reregistrationTimeoutMs: number;
  /** Proves to the agent which executor it is. */
  readonly token: string | undefined;
  /** How it reaches the agent, where that speaks TLS. */
  readonly tls?: Readonly<Record<string, string>> | undefined;
  /** Where it finds the identities of its tasks. */
  readonly identity?: Readonly<Record<string, string>> | undefined;
}

/** How long an executor tries to find its agent again. */
const RECOVERY_TIMEOUT_MS = 15 * 60_000;

/** The whole environment of an executor (mesos-api.md §2.4); the scheduler's word is the last. */
export function executorEnvironment(parts: ExecutorEnvironmentParts): Record<string, string> {
  const env = inheritedEnvironment(parts.agent, parts.configured, parts.home);
  const { host, port } = parts.address;
  const endpoint = `${host}:${port}`;
  const own: Record<string, string> = {
    LIBPROCESS_IP: host,
    LIBPROCESS_PORT: '0',
    MESOS_FRAMEWORK_ID: parts.place.frameworkId,
    MESOS_EXECUTOR_ID: parts.place.executorId,
    MESOS_SLAVE_ID: parts.place.agentId,
    MESOS_SLAVE_PID: `slave(1)@${endpoint}`,
    MESOS_AGENT_ENDPOINT: endpoint,
    MESOS_DIRECTORY: parts.sandbox,
    MESOS_SANDBOX: parts.sandbox,
    MESOS_HTTP_COMMAND_EXECUTOR: '0',
    MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: durationText(parts.shutdownGraceMs),
    // every executor is recovered, whatever its framework says
    MESOS_CHECKPOINT: '1',
    MESOS_RECOVERY_TIMEOUT: durationText(RECOVERY_TIMEOUT_MS),
    MESOS_SUBSCRIPTION_BACKOFF_MAX: durationText(parts.reregistrationTimeoutMs),
    ...parts.tls,
    ...parts.identity,
    ...(parts.token === undefined ? {} : { MESOS_EXECUTOR_AUTHENTICATION_TOKEN: parts.token }),
  };
  for (const [name, value] of Object.entries(own)) env.set(name, value);
  setVariables(env, parts.command);
  return Object.fromEntries(env);
}

const UNITS = [
  ['weeks', 604_800_000],
  ['days', 86_400_000],
  ['hrs', 3_600_000],
  ['mins', 60_000],
  ['secs', 1_000],
] as const;

/** As Mesos writes durations: the largest unit that divides evenly (`5secs`, `250ms`). */
export function durationText(ms: number): string {
  const whole = Math.round(ms);
  const unit = UNITS.find(([, length]) => whole >= length && whole % length === 0);
  return unit ? `${whole / unit[1]}${unit[0]}` : `${whole}ms`;
}
