import type { App } from './app.ts';
import { appDefinitionJson } from './present.ts';
import { convertOldSpellings } from './convert.ts';
import type { JsonObject } from './json.ts';
import { isObject, withoutNulls } from './json.ts';
import type { FieldProblem } from './problem.ts';

/**
 * A partial update laid over an existing app: each field that is given replaces that field whole. What a given field
 * excludes goes (`args` takes the place of `cmd`, another network mode that of the ports). The result still has to be
 * decoded.
 */
export function mergeUpdate(
  existing: App,
  update: unknown,
): { merged: unknown; problems: readonly FieldProblem[] } {
  const clean = withoutNulls(update);
  if (!isObject(clean)) return { merged: clean, problems: [] };
  const { app: fields, problems } = convertOldSpellings(clean);
  const base: Record<string, unknown> = { ...appDefinitionJson(existing) };
  if (fields['args'] !== undefined && fields['cmd'] === undefined) delete base['cmd'];
  if (fields['cmd'] !== undefined && fields['args'] === undefined) delete base['args'];
  if (
    fields['networks'] !== undefined &&
    fields['portDefinitions'] === undefined &&
    !onHost(fields['networks'])
  )
    delete base['portDefinitions'];
  return { merged: { ...base, ...fields }, problems };
}

function onHost(networks: unknown): boolean {
  return Array.isArray(networks) && networks.some((n: unknown) => isObject(n) && n['mode'] === 'host');
}

/** `{"version": ts}` alone (or with the id) asks for that old version. */
export function versionAskedFor(update: JsonObject): string | undefined {
  const version = update['version'];
  return typeof version === 'string' && !saysMore(update) ? version : undefined;
}

/**
 * Beside other fields, the version that the app has says nothing: clients send back whole GET answers. Any other one
 * is refused, as it would not be gone back to (marathon.md §2.1).
 */
export function versionProblem(existing: App, update: JsonObject): FieldProblem | undefined {
  const version = update['version'];
  if (typeof version !== 'string' || version === existing.version || !saysMore(update)) return undefined;
  return {
    path: '/version',
    error: `the app is at version ${existing.version}: leave this out; or write it alone, to go back to that version`,
  };
}

function saysMore(update: JsonObject): boolean {
  return Object.keys(update).some((k) => k !== 'version' && k !== 'id' && update[k] !== null);
}
