import type { HealthCheckDefinition } from './check-schemas.ts';
import { isMarathonRun } from './check-schemas.ts';
import type { FieldProblem } from './problem.ts';
import type { AppDefinition } from './schema.ts';

/** Names of the app's ports, by index; undefined where a port has none. */
function portNames(app: AppDefinition): readonly (string | undefined)[] {
  const onHost = app.networks.some((n) => n.mode === 'host');
  const ports = onHost
    ? (app.portDefinitions ?? [{ name: 'default' }])
    : (app.container?.portMappings ?? [{ name: 'default' }]);
  return ports.map((p) => p.name);
}

/** Health, Mesos and readiness checks must point at ports that exist (marathon.md §3.4, §3.5). */
export function healthRules(app: AppDefinition): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const names = portNames(app);
  app.healthChecks.forEach((check, i) => problems.push(...checkProblems(check, i, names.length)));
  const byExecutor = app.healthChecks.filter((c) => !isMarathonRun(c));
  if (byExecutor.length > 1)
    problems.push({
      path: '/healthChecks',
      error: 'at most one check of COMMAND, MESOS_HTTP, MESOS_HTTPS, MESOS_TCP',
    });
  const index = app.check?.http?.portIndex ?? app.check?.tcp?.portIndex;
  if (index !== undefined && index >= names.length)
    problems.push({
      path: `/check/${app.check?.http ? 'http' : 'tcp'}/portIndex`,
      error: `there is no port with index ${index}`,
    });
  app.readinessChecks.forEach((check, i) => {
    if (!names.includes(check.portName))
      problems.push({
        path: `/readinessChecks(${i})/portName`,
        error: `there is no port named '${check.portName}'`,
      });
  });
  return problems;
}

function checkProblems(check: HealthCheckDefinition, i: number, ports: number): FieldProblem[] {
  const at = `/healthChecks(${i})`;
  if (check.protocol === 'COMMAND') {
    return check.command === undefined
      ? [{ path: `${at}/command`, error: 'a COMMAND check needs command.value' }]
      : [];
  }
  const problems: FieldProblem[] = [];
  if (check.command !== undefined)
    problems.push({ path: `${at}/command`, error: `is for protocol COMMAND, not ${check.protocol}` });
  if (check.path !== undefined && check.protocol.endsWith('TCP'))
    problems.push({ path: `${at}/path`, error: `is for HTTP checks, not ${check.protocol}` });
  if (check.port !== undefined && check.portIndex !== undefined)
    problems.push({ path: `${at}/port`, error: 'write either port or portIndex, not both' });
  else if (check.port === undefined && (check.portIndex ?? 0) >= ports)
    problems.push({ path: `${at}/portIndex`, error: `there is no port with index ${check.portIndex ?? 0}` });
  if (check.ipProtocol === 'IPv6')
    problems.push({ path: `${at}/ipProtocol`, error: 'IPv6 checks need a docker container' });
  return problems;
}
