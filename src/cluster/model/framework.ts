import { parseUpid } from '../../mesos/index.ts';
import { asBoolean, asId, asText, at, member } from './json.ts';
import { readLabelList } from './labels.ts';
import type { ModelFramework, Read } from './types.ts';

/** A framework whose label `rimrock.declares` is `services` names all its services in `rimrock.service` labels. */
const DECLARES_LABEL = 'rimrock.declares';
const SERVICE_LABEL = 'rimrock.service';

/**
 * A framework of the operator API (`framework_info` inside) or of a v0 document (flat). A pid that cannot be read is
 * left out and named; the framework stays, since its tasks need only the name.
 */
export function readFramework(json: unknown, where: string): Read<ModelFramework> {
  const problems: string[] = [];
  const info = member(json, 'framework_info') ?? json;
  const id = asId(member(info, 'id'));
  if (id === undefined) return { id: where, value: undefined, problems: ['no framework id'] };
  const name = asText(member(info, 'name'));
  if (name === undefined) return { id, value: undefined, problems: ['no name'] };
  const labels = readLabelList(member(info, 'labels'), problems);
  const declares = labels.some((l) => l.key === DECLARES_LABEL && l.value === 'services');
  const value: ModelFramework = {
    id,
    name,
    hostname: asText(member(info, 'hostname')) ?? '',
    pid: readPid(member(json, 'pid'), problems),
    active: asBoolean(member(json, 'active')) ?? true,
    labels: new Map(labels.filter((l) => l.key !== SERVICE_LABEL).map((l) => [l.key, l.value])),
    declarations: declares ? labels.filter((l) => l.key === SERVICE_LABEL).map((l) => l.value) : undefined,
  };
  return { id, value, problems };
}

function readPid(json: unknown, problems: string[]): ModelFramework['pid'] {
  if (json === undefined || json === null) return undefined;
  const upid = parseUpid(asText(json) ?? '');
  if (!upid) problems.push(`pid '${String(asText(json)).slice(0, 80)}' is not of the form name@host:port`);
  return upid && { host: upid.host, port: upid.port };
}

/** The id out of a `framework_removed` event. */
export function removedFrameworkId(json: unknown): string | undefined {
  return asId(at(json, 'framework_info', 'id'));
}
