import type { App } from './app.ts';
import type { JsonObject } from './json.ts';
import { canonicalJson } from './json.ts';
import { networkMode } from './ports.ts';

/** Fields left out of answers when they are empty (marathon.md §3). */
const OMIT_EMPTY = [
  'args',
  'env',
  'secrets',
  'constraints',
  'fetch',
  'healthChecks',
  'readinessChecks',
  'dependencies',
] as const;

/** The definition as `GET` shows it, without version stamps. */
export function appDefinitionJson(app: App): JsonObject {
  const { version, versionInfo, ...definition } = app;
  const out: Record<string, unknown> = { ...definition };
  for (const field of OMIT_EMPTY) {
    const value = out[field];
    if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) delete out[field];
  }
  // with another network than that of the agent, the container maps the ports
  if (networkMode(app) !== 'host') delete out['portDefinitions'];
  return out;
}

/** The definition with its version stamps. */
export function appJson(app: App): JsonObject {
  return { ...appDefinitionJson(app), version: app.version, versionInfo: app.versionInfo };
}

/** What makes instances differ: everything but their number. Equal texts mean that nothing has to be restarted. */
export function configurationOf(app: App): string {
  return canonicalJson({ ...appDefinitionJson(app), instances: undefined });
}
