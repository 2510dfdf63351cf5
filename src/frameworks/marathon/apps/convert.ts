import type { JsonObject } from './json.ts';
import { isObject } from './json.ts';
import type { FieldProblem } from './problem.ts';

/**
 * Old spellings that clients still send, rewritten to the present ones (marathon.md §3): `ports`, `uris`,
 * `container.docker.network`, `container.docker.portMappings`, `ipAddress`. What is not of the expected type is left
 * as it is, for the schema to name.
 */
export function convertOldSpellings(input: JsonObject): { app: JsonObject; problems: FieldProblem[] } {
  const problems: FieldProblem[] = [];
  const steps = [convertDocker, convertPorts, convertUris, convertIpAddress]; // the container says whose `ports` are
  let app = input;
  for (const step of steps) app = step(app, problems);
  return { app, problems };
}

function convertPorts(app: JsonObject, problems: FieldProblem[]): JsonObject {
  const { ports, ...rest } = app;
  if (ports === undefined) return app;
  if (
    !Array.isArray(ports) ||
    !ports.every((p) => Number.isInteger(p) && Number(p) >= 0 && Number(p) <= 65535)
  ) {
    problems.push({
      path: '/ports',
      error: 'write a list of port numbers (0 for any)',
      type: !Array.isArray(ports),
    });
    return rest;
  }
  const definitions = app['portDefinitions'];
  if (Array.isArray(definitions)) {
    const same =
      definitions.length === ports.length &&
      definitions.every((d, i) => isObject(d) && (d['port'] ?? 0) === ports[i]);
    if (!same)
      problems.push({
        path: '/ports',
        error: 'ports and portDefinitions differ; write portDefinitions only',
      });
    return rest;
  }
  // With container port mappings, `ports` only repeats their service ports in what old clients send back.
  if (isObject(app['container']) && app['container']['portMappings'] !== undefined) return rest;
  return {
    ...rest,
    portDefinitions: ports.map((port: unknown, i) => ({
      port,
      protocol: 'tcp',
      ...(i === 0 ? { name: 'default' } : {}),
    })),
  };
}

const ARCHIVE = /\.(tar|tgz|tar\.gz|tbz2|tar\.bz2|bz2|txz|tar\.xz|xz|gz|zip)$/;

function convertUris(app: JsonObject, problems: FieldProblem[]): JsonObject {
  const { uris, ...rest } = app;
  if (uris === undefined) return app;
  if (!Array.isArray(uris) || !uris.every((u) => typeof u === 'string' && u !== '')) {
    problems.push({ path: '/uris', error: 'write a list of URIs', type: !Array.isArray(uris) });
    return rest;
  }
  if (uris.length === 0) return rest;
  const fetch = app['fetch'];
  if (Array.isArray(fetch) && fetch.length > 0) {
    const same = fetch.length === uris.length && fetch.every((f, i) => isObject(f) && f['uri'] === uris[i]);
    if (!same) problems.push({ path: '/uris', error: 'write either uris or fetch, not both' });
    return rest;
  }
  return {
    ...rest,
    fetch: uris.map((uri: string) => ({ uri, extract: ARCHIVE.test(uri.replace(/[?#].*$/, '')) })),
  };
}

const OLD_NETWORKS: ReadonlyMap<unknown, string> = new Map([
  ['HOST', 'host'],
  ['BRIDGE', 'container/bridge'],
  ['USER', 'container'],
]);

function convertDocker(app: JsonObject, problems: FieldProblem[]): JsonObject {
  const container = app['container'];
  if (!isObject(container) || !isObject(container['docker'])) return app;
  const { network, portMappings, ...docker } = container['docker'];
  if (network === undefined && portMappings === undefined) return app;
  if (network !== undefined && app['networks'] !== undefined)
    problems.push({
      path: '/container/docker/network',
      error: 'write either docker.network or networks, not both',
    });
  if (portMappings !== undefined && container['portMappings'] !== undefined)
    problems.push({
      path: '/container/docker/portMappings',
      error: 'write either docker.portMappings or container.portMappings, not both',
    });
  const mode = OLD_NETWORKS.get(network);
  if (network !== undefined && mode === undefined)
    problems.push({
      path: '/container/docker/network',
      error: 'write HOST, BRIDGE or USER; or better, networks',
    });
  return {
    ...app,
    ...(mode === undefined ? {} : { networks: [{ mode, ...networkName(app, mode) }] }),
    container: { ...container, docker, ...(portMappings === undefined ? {} : { portMappings }) },
  };
}

function networkName(app: JsonObject, mode: string): { name?: unknown } {
  const ip = app['ipAddress'];
  return mode === 'container' && isObject(ip) && ip['networkName'] !== undefined
    ? { name: ip['networkName'] }
    : {};
}

function convertIpAddress(app: JsonObject, problems: FieldProblem[]): JsonObject {
  const { ipAddress, ...rest } = app;
  if (ipAddress === undefined) return app;
  if (!isObject(ipAddress)) {
    problems.push({ path: '/ipAddress', error: 'write networks instead', type: true });
    return rest;
  }
  if (rest['networks'] !== undefined) return rest;
  const name = ipAddress['networkName'];
  const labels = ipAddress['labels'];
  return {
    ...rest,
    networks: [
      {
        mode: 'container',
        ...(name === undefined ? {} : { name }),
        ...(labels === undefined ? {} : { labels }),
      },
    ],
  };
}
