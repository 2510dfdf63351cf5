import type { CheckInfo, HealthCheck } from '../../mesos/index.ts';
import { commandProblem } from './command-validation.ts';

/** What is wrong with checks and health checks, in the words of Mesos (mesos-api.md §1.9); undefined: nothing. */

export function checkProblem(check: CheckInfo): string | undefined {
  const { type } = check;
  if (type === undefined) return "CheckInfo must specify 'type'";
  if (type === 'UNKNOWN') return "'UNKNOWN' is not a valid check type";
  if (check[PARTS[type]] === undefined) return `Expecting '${PARTS[type]}' to be set for ${type} check`;
  if (type === 'COMMAND') {
    const command = check.command?.command;
    if (command?.value === undefined) {
      const what = (command?.shell ?? true) ? 'shell command' : 'executable path';
      return `Command check must contain '${what}'`;
    }
    const problem = commandProblem(command);
    if (problem !== undefined) return `Check's \`CommandInfo\` is invalid: ${problem}`;
  }
  if (type === 'HTTP' && check.http?.path !== undefined && !check.http.path.startsWith('/'))
    return `The path '${check.http.path}' of HTTP check must start with '/'`;
  return negative(check, ['delay_seconds', 'interval_seconds', 'timeout_seconds']);
}

const PARTS = { COMMAND: 'command', HTTP: 'http', TCP: 'tcp' } as const;

export function healthCheckProblem(check: HealthCheck): string | undefined {
  const type = check.type ?? (check.http ? 'HTTP' : check.command ? 'COMMAND' : 'UNKNOWN');
  if (type === 'UNKNOWN') return "'UNKNOWN' is not a valid health check type";
  if (check[PARTS[type]] === undefined)
    return `Expecting '${PARTS[type]}' to be set for ${type} health check`;
  if (type === 'COMMAND') {
    if (check.command?.value === undefined) {
      const what = (check.command?.shell ?? true) ? 'shell command' : 'executable path';
      return `Command health check must contain '${what}'`;
    }
    const problem = commandProblem(check.command);
    if (problem !== undefined) return `Health check's \`CommandInfo\` is invalid: ${problem}`;
  }
  const problem = type === 'HTTP' ? httpProblem(check.http) : undefined;
  return (
    problem ??
    negative(check, ['delay_seconds', 'interval_seconds', 'timeout_seconds', 'grace_period_seconds'])
  );
}

function httpProblem(http: HealthCheck['http']): string | undefined {
  const scheme = http?.scheme ?? 'http';
  if (scheme !== 'http' && scheme !== 'https') return `Unsupported HTTP health check scheme: '${scheme}'`;
  if (http?.path !== undefined && !http.path.startsWith('/'))
    return `The path '${http.path}' of HTTP health check must start with '/'`;
  return undefined;
}

function negative<K extends string>(
  check: { readonly [key in K]?: number },
  names: readonly K[],
): string | undefined {
  const bad = names.find((name) => (check[name] ?? 0) < 0);
  return bad === undefined ? undefined : `Expecting '${bad}' to be non-negative`;
}
