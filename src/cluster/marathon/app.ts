import { checkOf, servicePortOf } from '../catalog/declaration.ts';
import type { Declaration } from '../catalog/declaration.ts';
import type { CatalogPort } from '../catalog/types.ts';
import { asList, asNumber, asText, at, member } from '../model/index.ts';

/** What is of use to us in an app of Marathon. */
export interface FollowedApp {
  /** `/group/app`. */
  readonly id: string;
  readonly declaration: Declaration;
  /** Verdicts of the checks that Marathon itself runs, by task id; without a verdict a task is not in here. */
  readonly alive: ReadonlyMap<string, boolean>;
}

export type ReadApp =
  | { readonly ok: true; readonly app: FollowedApp }
  | { readonly ok: false; readonly id: string; readonly reason: string };

/** Labels that somebody reads who routes. */
const ROUTING = /^(?:HAPROXY_|rimrock\.)/;
const MOST_PORTS = 1_000;

/** The name that Marathon gives to the tasks of an app and to DNS: `/group/app` is `app.group`. */
export function serviceNameOf(appId: string): string {
  return appId
    .split('/')
    .filter((part) => part !== '')
    .reverse()
    .join('.');
}

/**
 * An app as `/v2/apps?embed=apps.tasks` has it (marathon.md §3, marathon-lb.md §2), of any age of Marathon. What cannot be
 * read in it is left out, for an app is better off with half of its ports than with none; without an id there is no app.
 */
export function readApp(json: unknown, where: string): ReadApp {
  const id = asText(member(json, 'id')) ?? '';
  const name = serviceNameOf(id);
  if (name === '') return { ok: false, id: where, reason: 'an app without an id' };
  const labels = new Map<string, string>();
  const given = member(json, 'labels');
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    for (const [key, value] of Object.entries(given))
      if (typeof value === 'string' && ROUTING.test(key)) labels.set(key, value);
  }
  const checks = asList(member(json, 'healthChecks'));
  const ports = withChecks(portsOf(json), checks);
  const alive = checks.some(isMarathonRun) ? aliveOf(json) : new Map<string, boolean>();
  return { ok: true, app: { id, declaration: { name, labels, ports }, alive } };
}

/** The service ports, by index: tasks show their ports in the same order. */
function portsOf(json: unknown): CatalogPort[] {
  const lists = [
    at(json, 'container', 'portMappings'),
    at(json, 'container', 'docker', 'portMappings'),
    member(json, 'portDefinitions'),
    at(json, 'ipAddress', 'discovery', 'ports'),
  ].map(asList);
  const list = lists.find((one) => one.length > 0);
  // With requirePorts these are the ports of the agents: who opened them on the machine of an agent would take them away.
  if (list !== undefined && list === lists[2] && member(json, 'requirePorts') === true)
    return list.slice(0, MOST_PORTS).map(withoutServicePort);
  if (list !== undefined) return list.slice(0, MOST_PORTS).map(readPort);
  return asList(member(json, 'ports'))
    .slice(0, MOST_PORTS)
    .map((port) => readPort({ port }));
}

function readPort(json: unknown): CatalogPort {
  return {
    number: 0,
    name: asText(member(json, 'name')) ?? '',
    protocol: asText(member(json, 'protocol')) ?? 'tcp',
    labels: new Map(),
    ...servicePortOf(asNumber(member(json, 'servicePort') ?? member(json, 'port'))),
  };
}

function withoutServicePort(json: unknown): CatalogPort {
  const { servicePort: _, ...port } = readPort(json);
  return port;
}

/** Mesos does not see the results of these. */
function isMarathonRun(check: unknown): boolean {
  return ['HTTP', 'HTTPS', 'TCP'].includes(asText(member(check, 'protocol')) ?? 'HTTP');
}

/** The first check of each port that somebody else can run as well. */
function withChecks(ports: readonly CatalogPort[], checks: readonly unknown[]): CatalogPort[] {
  const withCheck = [...ports];
  for (const json of checks) {
    const protocol = asText(member(json, 'protocol')) ?? 'HTTP';
    const index = asNumber(member(json, 'portIndex')) ?? 0;
    const port = withCheck[index];
    if (port === undefined || port.check !== undefined || (protocol !== 'HTTP' && protocol !== 'TCP'))
      continue;
    const seconds = (name: string): number | undefined => {
      const value = asNumber(member(json, name));
      return value === undefined ? undefined : value * 1000;
    };
    const failures = asNumber(member(json, 'maxConsecutiveFailures'));
    const check = {
      kind: protocol.toLowerCase(),
      path: member(json, 'path'),
      port: member(json, 'port'),
      intervalMs: seconds('intervalSeconds'),
      timeoutMs: seconds('timeoutSeconds'),
      failures: failures === undefined ? undefined : failures + 1,
    };
    withCheck[index] = { ...port, ...checkOf(check) };
  }
  return withCheck;
}

/** All checks of a task must be alive; one that has no result yet says nothing. */
function aliveOf(json: unknown): Map<string, boolean> {
  const alive = new Map<string, boolean>();
  for (const task of asList(member(json, 'tasks'))) {
    const id = asText(member(task, 'id'));
    const results = asList(member(task, 'healthCheckResults'))
      .map((result) => member(result, 'alive'))
      .filter((value) => typeof value === 'boolean');
    if (id !== undefined && results.length > 0) alive.set(id, results.every(Boolean));
  }
  return alive;
}
