import type { FieldProblem } from './problem.ts';
import type { AppDefinition } from './schema.ts';

/**
 * Valid definitions that this release cannot run. They are refused with the reason, rather than accepted and then
 * never (or wrongly) started.
 */
export function unsupportedProblems(app: AppDefinition): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const no = (path: string, what: string): void =>
    void problems.push({ path, error: `${what} not in this release` });
  const container = app.container;
  if (container?.type === 'DOCKER') no('/container/type', 'the docker launcher is');
  else if (container?.docker !== undefined) no('/container/docker', 'container images are');
  container?.volumes.forEach((_, i) => no(`/container/volumes(${i})`, 'volumes are'));
  if (container?.linuxInfo !== undefined) no('/container/linuxInfo', 'container isolation settings are');
  app.networks.forEach((network, i) => {
    if (network.mode !== 'host') no(`/networks(${i})/mode`, `networks of mode '${network.mode}' are`);
  });
  if (app.residency !== undefined) no('/residency', 'persistent volumes are');
  if (app.executor !== '' && app.executor !== '//cmd') no('/executor', 'custom executors are');
  if (app.check !== undefined) no('/check', 'Mesos checks are (write healthChecks instead)');
  if (app.tty === true) no('/tty', 'terminals are');
  if (app.secrets !== undefined && Object.keys(app.secrets).length > 0) no('/secrets', 'secrets are');
  if (app.resourceLimits !== undefined) no('/resourceLimits', 'limits above the requested resources are');
  return problems;
}
