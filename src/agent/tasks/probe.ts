import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { HttpClient } from '../../core/http/client.ts';
import type { HealthCheck } from '../../mesos/index.ts';
import { commandArgv } from './command.ts';

/** What a probe may use of its task. */
export interface ProbeContext {
  readonly environment: Readonly<Record<string, string>>;
  readonly sandbox: string;
}

/** One look at a task: true when it is well. Never rejects; ends when `signal` aborts (which counts as not well). */
export type Probe = (check: HealthCheck, context: ProbeContext, signal: AbortSignal) => Promise<boolean>;

/** Health checks run on the agent against this machine (mesos-api.md §2.8). */
const PROBED_HOST = '127.0.0.1';

export function createProbe(http: HttpClient): Probe {
  return async (check, context, signal) => {
    try {
      if (check.http) return await httpProbe(http, check.http, signal);
      if (check.tcp) return await tcpProbe(check.tcp.port, signal);
      if (check.command) return await commandProbe(check.command, context, signal);
      return true; // a check of a kind that we do not know says nothing against the task
    } catch {
      return false;
    }
  };
}

async function httpProbe(
  http: HttpClient,
  check: NonNullable<HealthCheck['http']>,
  signal: AbortSignal,
): Promise<boolean> {
  const scheme = check.scheme === 'https' ? 'https' : 'http';
  const path = check.path?.startsWith('/') ? check.path : `/${check.path ?? ''}`;
  const url = `${scheme}://${PROBED_HOST}:${check.port}${path}`;
  const response = await http.request({ method: 'GET', url, timeoutMs: 0, signal });
  response.cancel();
  return response.status >= 200 && response.status < 400;
}

function tcpProbe(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: PROBED_HOST, port, signal });
    const end = (well: boolean): void => {
      socket.destroy();
      resolve(well);
    };
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}

function commandProbe(
  command: NonNullable<HealthCheck['command']>,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const [program, ...rest] = commandArgv(command);
    const env: Record<string, string> = { ...context.environment };
    for (const v of command.environment?.variables ?? []) if (v.value !== undefined) env[v.name] = v.value;
    const child = spawn(program, rest, { cwd: context.sandbox, env, detached: true, stdio: 'ignore' });
    const stop = (): void => {
      // the whole group: a check that hangs usually hangs in a child
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // over already
      }
      resolve(false);
    };
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', () => resolve(false));
    child.on('exit', (code) => {
      signal.removeEventListener('abort', stop);
      resolve(code === 0);
    });
  });
}
