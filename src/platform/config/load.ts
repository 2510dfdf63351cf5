import { resolve } from 'node:path';
import { decode } from '../../core/config/decode.ts';
import type { Issue } from '../../core/config/decode.ts';
import { errorText } from '../../core/errors.ts';
import type { RoleName } from '../roles.ts';
import type { World } from '../world.ts';
import { roleDefaults } from './defaults.ts';
import { fromMesosDns } from './mesos-dns.ts';
import type { Layer } from './mesos-dns.ts';
import { applyOverride, mergeRaw } from './overrides.ts';
import { rimrockConfigSchema } from './schema.ts';
import type { RimrockConfig } from './schema.ts';
import { readSource } from './source.ts';

export interface ConfigRequest {
  readonly role: RoleName;
  readonly file: string | undefined;
  /** `key=value`, later ones win. */
  readonly overrides: readonly string[];
}

export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: RimrockConfig;
      readonly notes: readonly string[];
      /** What the file was; ours also without one. */
      readonly kind: 'rimrock' | 'mesos-dns';
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

type Surroundings = Pick<World, 'folder' | 'readFile'>;

/** Defaults of the role, then the file, then the overrides; validated as a whole, every mistake told at once. */
export async function loadConfig(request: ConfigRequest, world: Surroundings): Promise<LoadedConfig> {
  const fromFile = await readFileLayer(request.file, world);
  if (!fromFile.ok) return fromFile;
  let raw = fromFile.raw;
  const issues: Issue[] = [];
  for (const text of request.overrides) {
    const applied = applyOverride(rimrockConfigSchema, raw, text);
    if (applied.ok) raw = applied.raw;
    else issues.push(applied.issue);
  }
  const decoded = decode(rimrockConfigSchema, mergeRaw(roleDefaults(request.role, raw, world.folder), raw));
  if (!decoded.ok) return { ok: false, issues: [...issues, ...decoded.issues] };
  issues.push(...roleIssues(request.role, decoded.value));
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, config: decoded.value, notes: fromFile.notes(decoded.value), kind: fromFile.kind };
}

/** What no single section can know. */
function roleIssues(role: RoleName, config: RimrockConfig): Issue[] {
  if (role !== 'up' || config.master.port !== 0) return [];
  const message =
    'the other parts must find the master: choose a port, 0 (any free one) works for `rimrock master`';
  return [{ path: 'master.port', message }];
}

async function readFileLayer(file: string | undefined, world: Surroundings): Promise<Layer> {
  if (file === undefined) return { ok: true, raw: {}, notes: () => [], kind: 'rimrock' };
  const path = resolve(world.folder, file);
  let text: string;
  try {
    text = await world.readFile(path);
  } catch (error) {
    return { ok: false, issues: [{ path: file, message: `cannot be read: ${errorText(error)}` }] };
  }
  const source = readSource(text, Object.keys(rimrockConfigSchema.shape));
  if (source.kind === 'unreadable')
    return { ok: false, issues: [{ path: file, message: `is neither YAML nor JSON: ${source.reason}` }] };
  if (source.kind === 'rimrock') return { ok: true, raw: source.raw, notes: () => [], kind: 'rimrock' };
  return fromMesosDns(source.raw, path, world);
}
