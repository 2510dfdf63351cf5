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
  containerProblems(app, no);
  if (app.residency !== undefined) no('/residency', 'persistent volumes are');
  if (app.executor !== '' && app.executor !== '//cmd') no('/executor', 'custom executors are');
  if (app.check !== undefined) no('/check', 'Mesos checks are (write healthChecks instead)');
  if (app.tty === true) no('/tty', 'terminals are');
  if (app.resourceLimits !== undefined) no('/resourceLimits', 'limits above the requested resources are');
  return problems;
}

function containerProblems(app: AppDefinition, no: (path: string, what: string) => void): void {
  const container = app.container;
  const docker = container?.type === 'DOCKER' ? container.docker : undefined;
  if (container?.type === 'MESOS' && container.docker !== undefined)
    no('/container/docker', "images in containers of type 'MESOS' (write 'DOCKER' instead) are");
  if (docker?.pullConfig !== undefined)
    no('/container/docker/pullConfig', 'logins from secrets (fetch a .docker/config.json instead) are');
  if (docker?.credential !== undefined) no('/container/docker/credential', 'logins by name are');
  container?.volumes.forEach(({ hostPath, secret, containerPath, mode }, i) => {
    if (docker && secret !== undefined) no(`/container/volumes(${i})`, 'secrets as volumes of an image are');
    else if (hostPath === undefined && secret === undefined)
      no(`/container/volumes(${i})`, 'volumes other than hostPath and secret are');
    else if (!docker && (containerPath.startsWith('/') || (mode === 'RO' && secret === undefined)))
      no(
        `/container/volumes(${i})`,
        'without an image, volumes that are read-only or not in the sandbox (a relative containerPath) are',
      );
  });
  if (container?.linuxInfo !== undefined) no('/container/linuxInfo', 'container isolation settings are');
  app.networks.forEach((network, i) => {
    if (network.mode !== 'host' && !docker)
      no(`/networks(${i})/mode`, `networks of mode '${network.mode}' without a Docker image are`);
    if (i > 0) no(`/networks(${i})`, 'more than one network is');
  });
}
