import { connect } from 'node:net';
import type { HttpClient } from '../../core/http/client.ts';
import type { CheckInfo, CheckStatusInfo, CommandInfo, HealthCheck } from '../../mesos/index.ts';
import type { ExecSpec } from '../launcher/launcher.ts';
import { commandArgv } from './command.ts';

/** What is looked at: one of the three. */
export interface Look {
  readonly command?: CommandInfo;
  readonly http?: { readonly scheme?: string; readonly port: number; readonly path?: string };
  readonly tcp?: { readonly port: number };
}

/** What a probe may use of its task. */
export interface ProbeContext {
  readonly environment: Readonly<Record<string, string>>;
  readonly sandbox: string;
  /** Where the ports of the task are. */
  readonly host: string;
  /** Run a command beside the task; see `Launcher.exec`. */
  exec(command: ExecSpec, signal: AbortSignal): Promise<number>;
}

/**
 * One look at a task: what was found, an empty object when there is no answer. Never rejects; gives up when `signal`
 * aborts.
 */
export type Probe = (look: Look, context: ProbeContext, signal: AbortSignal) => Promise<CheckStatusInfo>;

/** More redirects than this lead nowhere. */
const MOST_REDIRECTS = 5;

export function createProbe(http: HttpClient): Probe {
  return async (look, context, signal) => {
    try {
      if (look.http)
        return { http: { status_code: await httpStatus(http, look.http, context.host, signal) } };
      if (look.tcp) return { tcp: { succeeded: await answers(look.tcp.port, context.host, signal) } };
      if (look.command) return { command: { exit_code: await exitCode(look.command, context, signal) } };
    } catch {
      // no answer: what that means is for the caller to say
    }
    return {};
  };
}

/** Which of its parts counts: that of its type, whatever else is there. */
export function kindOf({ type, http, tcp }: HealthCheck | CheckInfo): NonNullable<CheckInfo['type']> {
  return type ?? (http ? 'HTTP' : tcp ? 'TCP' : 'COMMAND');
}

/** The commands of checks stand one level deeper than those of health checks. */
export function lookOf(check: HealthCheck | CheckInfo): Look {
  const { http, tcp, command } = check;
  const kind = kindOf(check);
  if (kind === 'HTTP' && http) return { http };
  if (kind === 'TCP' && tcp) return { tcp };
  if (kind !== 'COMMAND' || !command) return {};
  return { command: 'command' in command ? command.command : command };
}

/** Success in the sense of a health check (mesos-api.md §2.8). */
export function isHealthy(look: Look, { http, tcp, command }: CheckStatusInfo): boolean {
  if (look.http) return http?.status_code !== undefined && http.status_code >= 200 && http.status_code < 400;
  if (look.tcp) return tcp?.succeeded === true;
  if (look.command) return command?.exit_code === 0;
  return true; // a check of a kind that we do not know says nothing against the task
}

/** Redirects are followed on the same host only: what another host says is not about this task. */
async function httpStatus(
  http: HttpClient,
  check: NonNullable<Look['http']>,
  host: string,
  signal: AbortSignal,
): Promise<number> {
  const scheme = check.scheme === 'https' ? 'https' : 'http';
  const path = check.path?.startsWith('/') ? check.path : `/${check.path ?? ''}`;
  let url = new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${check.port}${path}`);
  const { hostname } = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const response = await http.request({ method: 'GET', url: url.href, timeoutMs: 0, signal });
    response.cancel();
    const next = response.status >= 300 && response.status < 400 ? response.headers['location'] : undefined;
    const target = next === undefined ? null : URL.parse(next, url.href);
    if (target?.hostname !== hostname || !/^https?:$/.test(target.protocol)) return response.status;
    url = target;
  }
  throw new Error('too many redirects');
}

/** False where nobody listens; rejects when it takes too long. */
function answers(port: number, host: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error) => {
      socket.destroy();
      if (signal.aborted) reject(error);
      else resolve(false);
    });
  });
}

function exitCode(command: CommandInfo, context: ProbeContext, signal: AbortSignal): Promise<number> {
  const environment: Record<string, string> = { ...context.environment };
  for (const v of command.environment?.variables ?? [])
    if (v.value !== undefined) environment[v.name] = v.value;
  return context.exec({ argv: commandArgv(command), environment, sandbox: context.sandbox }, signal);
}
