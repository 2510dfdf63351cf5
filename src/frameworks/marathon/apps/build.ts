import { SINGLE_INSTANCE_LABEL } from './app.ts';
import type { App } from './app.ts';
import { configurationOf } from './present.ts';
import type { AppDefinition } from './schema.ts';
import { allotServicePorts } from './service-ports.ts';

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
  const wanted = definition.portDefinitions ?? [{ port: 0, name: 'default', protocol: 'tcp' as const }];
  const allotted = definition.requirePorts
    ? ({ ok: true, ports: wanted } as const)
    : allotServicePorts(wanted, existing?.portDefinitions ?? [], context.usedPorts, context.portRange);
  if (!allotted.ok) return allotted;
  const single = definition.labels[SINGLE_INSTANCE_LABEL] === 'true';
  const app: App = {
    ...definition,
    portDefinitions: allotted.ports,
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

/** The same app with a stamp that makes all its instances restart. */
export function restarted(app: App, version: string): App {
  return { ...app, version, versionInfo: { ...app.versionInfo, lastConfigChangeAt: version } };
}
