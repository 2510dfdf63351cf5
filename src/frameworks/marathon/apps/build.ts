import { SINGLE_INSTANCE_LABEL } from './app.ts';
import type { App } from './app.ts';
import { configurationOf } from './present.ts';
import { appPorts, networkMode } from './ports.ts';
import type { AppDefinition } from './schema.ts';
import { allotServicePorts } from './service-ports.ts';
import type { Allotted } from './service-ports.ts';

export type Built =
  | { readonly ok: true; readonly app: App }
  | { readonly ok: false; readonly message: string };

export interface BuildContext {
  readonly existing: App | undefined;
  /** Service ports that other apps have. */
  readonly usedPorts: ReadonlySet<number>;
  readonly portRange: { readonly min: number; readonly max: number };
  readonly mesosRole: string;
  readonly version: string;
}

/**
 * Turn a valid definition into an app: service ports allotted, version stamps set (marathon.md §6: a change of the
 * number stamps the scaling, any other change stamps the configuration, which is what makes instances restart).
 */
export function buildApp(definition: AppDefinition, context: BuildContext): Built {
  const { existing, version } = context;
  const ported = withServicePorts(definition, context);
  if (!ported.ok) return ported;
  const single = definition.labels[SINGLE_INSTANCE_LABEL] === 'true';
  const app: App = {
    ...definition,
    ...ported.fields,
    role: definition.role ?? context.mesosRole,
    ...(single ? { upgradeStrategy: { minimumHealthCapacity: 0, maximumOverCapacity: 0 } } : {}),
    version,
    versionInfo: { lastScalingAt: version, lastConfigChangeAt: version },
  };
  if (!existing || configurationOf(existing) !== configurationOf(app)) return { ok: true, app };
  if (existing.instances === app.instances) return { ok: true, app: existing };
  return {
    ok: true,
    app: { ...app, versionInfo: { ...existing.versionInfo, lastScalingAt: version } },
  };
}

type Ported =
  | { readonly ok: true; readonly fields: Pick<App, 'portDefinitions' | 'container'> }
  | { readonly ok: false; readonly message: string };

const DEFAULT = { name: 'default', protocol: 'tcp' } as const;

/** Ports are defined with the app, or mapped by its container: it has either. */
function withServicePorts(definition: AppDefinition, context: BuildContext): Ported {
  const { container } = definition;
  const before = (context.existing ? appPorts(context.existing) : []).map((p) => p.servicePort);
  const allot = (wanted: readonly number[]): Allotted =>
    allotServicePorts(wanted, before, context.usedPorts, context.portRange);
  if (networkMode(definition) === 'host') {
    const wanted = definition.portDefinitions ?? [{ port: 0, ...DEFAULT }];
    if (definition.requirePorts) return { ok: true, fields: { portDefinitions: wanted, container } };
    const allotted = allot(wanted.map((d) => d.port));
    if (!allotted.ok) return allotted;
    const portDefinitions = wanted.map((d, i) => ({ ...d, port: allotted.ports[i] ?? 0 }));
    return { ok: true, fields: { portDefinitions, container } };
  }
  const wanted = container?.portMappings ?? [{ containerPort: 0, servicePort: 0, ...DEFAULT }];
  const allotted = allot(wanted.map((m) => m.servicePort));
  if (!allotted.ok) return allotted;
  const portMappings = wanted.map((m, i) => ({ ...m, servicePort: allotted.ports[i] ?? 0 }));
  return {
    ok: true,
    fields: { portDefinitions: [], container: container && { ...container, portMappings } },
  };
}

/** The same app with a stamp that makes all its instances restart. */
export function restarted(app: App, version: string): App {
  return { ...app, version, versionInfo: { ...app.versionInfo, lastConfigChangeAt: version } };
}
