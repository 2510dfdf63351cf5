import { asList, asNumber, asText, at, member } from '../model/index.ts';
import type { CatalogPort } from './types.ts';

/** A service that a framework says it has, whether or not anything runs for it at the moment. */
export interface Declaration {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly ports: readonly CatalogPort[];
  /** Tasks that the scheduler's own checks, of which Mesos does not know, found unwell. */
  readonly unhealthy?: readonly string[];
}

export type ReadDeclaration =
  | { readonly ok: true; readonly value: Declaration }
  | { readonly ok: false; readonly reason: string };

/**
 * The value of one `rimrock.service` label of a framework:
 * `{"name": "web", "labels": {"HAPROXY_GROUP": "external"}, "ports": [{"name": "http", "protocol": "tcp"}]}`.
 * A port may also give its `number`; without one it is 0 (only instances know); its `servicePort`, and a `check`
 * (`{"kind": "http", "path": "/", "intervalMs": 10000, "timeoutMs": 5000, "failures": 3}`) that the scheduler runs itself. Which
 * tasks that found unwell is in `unhealthy`, by id.
 */
export function readDeclaration(text: string): ReadDeclaration {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return no('is not JSON');
  }
  const name = asText(member(json, 'name'));
  if (name === undefined || name === '') return no('has no name');
  const labels = readLabelObject(member(json, 'labels'));
  if (typeof labels === 'string') return no(labels);
  const ports: unknown = member(json, 'ports') ?? [];
  if (!Array.isArray(ports)) return no('has ports that are not a list');
  const unhealthy = asList(member(json, 'unhealthy')).filter((id) => typeof id === 'string');
  const unwell = unhealthy.length === 0 ? {} : { unhealthy };
  return { ok: true, value: { name, labels, ports: ports.map(readPort), ...unwell } };
}

function no(reason: string): ReadDeclaration {
  return { ok: false, reason: `the declaration of a service ${reason}` };
}

function readLabelObject(json: unknown): ReadonlyMap<string, string> | string {
  const labels = new Map<string, string>();
  if (json === undefined || json === null) return labels;
  if (typeof json !== 'object' || Array.isArray(json)) return 'has labels that are not an object';
  for (const [key, value] of Object.entries(json)) {
    if (typeof value !== 'string') return `has label '${key}' with a value that is not text`;
    labels.set(key, value);
  }
  return labels;
}

function readPort(json: unknown): CatalogPort {
  const number = asNumber(at(json, 'number')) ?? 0;
  const labels = readLabelObject(member(json, 'labels'));
  return {
    number: Number.isInteger(number) ? number : 0,
    name: asText(member(json, 'name')) ?? '',
    protocol: asText(member(json, 'protocol')) ?? '',
    labels: typeof labels === 'string' ? new Map() : labels,
    ...servicePortOf(asNumber(at(json, 'servicePort'))),
    ...checkOf(member(json, 'check')),
  };
}

/** As a member of a port; nothing for what is no port, and for 0, which leaves the choice to others. */
export function servicePortOf(port: number | undefined): Pick<CatalogPort, 'servicePort'> {
  return isPort(port) ? { servicePort: port } : {};
}

const isPort = (port: number | undefined): port is number =>
  port !== undefined && Number.isInteger(port) && port >= 1 && port <= 65_535;

/** As a member of a port; nothing for what is no check that we know. */
function checkOf(json: unknown): Pick<CatalogPort, 'check'> {
  const kind = asText(member(json, 'kind'));
  if (kind !== 'http' && kind !== 'tcp') return {};
  const number = (name: string, absent: number): number => {
    const value = asNumber(at(json, name));
    return value !== undefined && value >= 1 && value <= MOST ? Math.round(value) : absent;
  };
  const path = asText(member(json, 'path'));
  const port = asNumber(at(json, 'port'));
  const common = {
    intervalMs: number('intervalMs', 60_000),
    timeoutMs: number('timeoutMs', 20_000),
    failures: number('failures', 3),
    ...(isPort(port) ? { port } : {}),
  };
  if (kind === 'tcp') return { check: { kind, ...common } };
  return { check: { kind, path: isPath(path) ? path : '/', ...common } };
}

const MOST = 86_400_000;

/** Origin form, as it may stand in a request line. */
const isPath = (path: string | undefined): path is string =>
  path !== undefined && /^\/[\x21-\x7e]{0,1023}$/.test(path);

export { checkOf };
