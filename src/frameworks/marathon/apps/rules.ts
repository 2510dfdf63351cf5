import type { AppDefinition } from './schema.ts';
import { SINGLE_INSTANCE_LABEL } from './app.ts';
import { healthRules } from './health-rules.ts';
import { absolutePath, appIdProblem, pathProblem } from './paths.ts';
import type { FieldProblem } from './problem.ts';

/** What of the cluster-wide settings an app definition is checked against. */
export interface AppLimits {
  /** The role the framework is subscribed with. */
  readonly mesosRole: string;
  readonly features: readonly string[];
}

/** Rules that look at more than one field, or at the settings (marathon.md §3). All that is wrong, not the first. */
export function ruleProblems(app: AppDefinition, limits: AppLimits): FieldProblem[] {
  return [
    ...idRules(app),
    ...commandRules(app),
    ...featureRules(app, limits),
    ...networkRules(app),
    ...portRules(app),
    ...healthRules(app),
    ...strategyRules(app),
    ...roleRules(app, limits),
    ...limitRules(app),
  ];
}

function idRules(app: AppDefinition): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const id = appIdProblem(app.id);
  if (id) problems.push({ path: '/id', error: id });
  app.dependencies.forEach((dependency, i) => {
    const path = absolutePath(dependency, app.id);
    const problem = path === app.id ? 'an app cannot depend on itself' : pathProblem(path);
    if (problem !== undefined) problems.push({ path: `/dependencies(${i})`, error: problem });
  });
  return problems;
}

function commandRules(app: AppDefinition): FieldProblem[] {
  if (app.cmd !== undefined && app.args !== undefined && app.args.length > 0)
    return [{ path: '/cmd', error: 'write either cmd or args, not both' }];
  if (app.container?.type === 'DOCKER' && app.container.docker === undefined)
    return [{ path: '/container/docker', error: 'is required for type DOCKER' }];
  const hasImage = app.container?.docker !== undefined;
  if (app.cmd === undefined && (app.args?.length ?? 0) === 0 && !hasImage)
    return [{ path: '/cmd', error: 'write cmd or args, or a container image that brings its own command' }];
  return [];
}

function featureRules(app: AppDefinition, limits: AppLimits): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const enabled = (feature: string): string =>
    `the feature '${feature}' is not enabled (marathon.enableFeatures)`;
  if (app.gpus > 0 && !limits.features.includes('gpu_resources'))
    problems.push({ path: '/gpus', error: enabled('gpu_resources') });
  if (limits.features.includes('secrets')) problems.push(...unknownSecrets(app));
  else {
    if (app.secrets !== undefined && Object.keys(app.secrets).length > 0)
      problems.push({ path: '/secrets', error: enabled('secrets') });
    for (const [name, value] of Object.entries(app.env))
      if (typeof value !== 'string') problems.push({ path: `/env/${name}`, error: enabled('secrets') });
  }
  return problems;
}

/** What refers to a secret that the app does not have. */
function unknownSecrets(app: AppDefinition): FieldProblem[] {
  const uses: [path: string, name: string][] = [];
  for (const [name, value] of Object.entries(app.env))
    if (typeof value !== 'string') uses.push([`/env/${name}`, value.secret]);
  app.container?.volumes.forEach(({ secret }, i) => {
    if (secret !== undefined) uses.push([`/container/volumes(${i})/secret`, secret]);
  });
  return uses.flatMap(([path, name]) =>
    Object.hasOwn(app.secrets ?? {}, name)
      ? []
      : [{ path, error: `the app has no secret '${name}' (/secrets)` }],
  );
}

function networkRules(app: AppDefinition): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const modes = new Set(app.networks.map((n) => n.mode));
  if (modes.size > 1)
    problems.push({ path: '/networks', error: 'networks of different modes cannot be mixed' });
  else if (app.networks.length > 1 && !modes.has('container'))
    problems.push({ path: '/networks', error: `write only one network of mode ${app.networks[0]?.mode}` });
  app.networks.forEach((network, i) => {
    if (network.mode === 'container' && network.name === undefined)
      problems.push({ path: `/networks(${i})/name`, error: 'a container network needs a name' });
    if (network.mode === 'host' && network.name !== undefined)
      problems.push({ path: `/networks(${i})/name`, error: 'the host network has no name' });
  });
  const host = modes.has('host');
  if (host && (app.container?.portMappings?.length ?? 0) > 0)
    problems.push({
      path: '/container/portMappings',
      error: 'port mappings are not for the host network; write portDefinitions',
    });
  if (!host && (app.portDefinitions?.length ?? 0) > 0)
    problems.push({
      path: '/portDefinitions',
      error: 'portDefinitions are for the host network; write container.portMappings',
    });
  return problems;
}

function portRules(app: AppDefinition): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const names = new Set<string>();
  const numbers = new Set<number>();
  app.portDefinitions?.forEach((definition, i) => {
    const { name, port } = definition;
    if (name !== undefined && names.has(name))
      problems.push({ path: `/portDefinitions(${i})/name`, error: `the name '${name}' is used twice` });
    if (port !== 0 && numbers.has(port))
      problems.push({ path: `/portDefinitions(${i})/port`, error: `port ${port} is used twice` });
    if (name !== undefined) names.add(name);
    numbers.add(port);
  });
  const mapped = new Set<string>();
  app.container?.portMappings?.forEach(({ name }, i) => {
    if (name === undefined) return;
    if (mapped.has(name))
      problems.push({
        path: `/container/portMappings(${i})/name`,
        error: `the name '${name}' is used twice`,
      });
    mapped.add(name);
  });
  return problems;
}

function strategyRules(app: AppDefinition): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (app.labels[SINGLE_INSTANCE_LABEL] === 'true' && app.instances > 1)
    problems.push({ path: '/instances', error: `must be 0 or 1 with the label ${SINGLE_INSTANCE_LABEL}` });
  const u = app.unreachableStrategy;
  if (u !== 'disabled' && u.inactiveAfterSeconds > u.expungeAfterSeconds)
    problems.push({
      path: '/unreachableStrategy/inactiveAfterSeconds',
      error: 'must not be greater than expungeAfterSeconds',
    });
  return problems;
}

function roleRules(app: AppDefinition, limits: AppLimits): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const role = app.role ?? limits.mesosRole;
  if (role !== limits.mesosRole)
    problems.push({ path: '/role', error: `this Marathon has the role '${limits.mesosRole}' only` });
  app.acceptedResourceRoles?.forEach((accepted, i) => {
    if (accepted !== '*' && accepted !== role)
      problems.push({ path: `/acceptedResourceRoles(${i})`, error: `write '*' or '${role}'` });
  });
  return problems;
}

function limitRules(app: AppDefinition): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { cpus, mem } = app.resourceLimits ?? {};
  if (typeof cpus === 'number' && cpus < app.cpus)
    problems.push({ path: '/resourceLimits/cpus', error: 'must not be smaller than cpus' });
  if (typeof mem === 'number' && mem < app.mem)
    problems.push({ path: '/resourceLimits/mem', error: 'must not be smaller than mem' });
  return problems;
}
